"""Looking at every folder of every wanted model, then reading all of them at once."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from packaging.version import InvalidVersion, Version

from runbook_lib.cache.artifacts import placing_leftovers, read_stamp
from runbook_lib.cache.incomplete_files import IncompleteFile, in_model_folder, in_repository
from runbook_lib.cache.inventory import files_below
from runbook_lib.cache.layout import repo_of
from runbook_lib.cache.walk import folders_in
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.pipeline.wanted import WantedOcr
from runbook_lib.quirks.docling_versions import FOLDER_PREFIX, FOLDERS_RENAMED_IN, OLD_FOLDER_PREFIX
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.detect import DetectFacts
from runbook_lib.stages.download.plan import wanted_by
from runbook_lib.stages.verify.bookkeeping import named_commit, note_problems, stamp_problems
from runbook_lib.stages.verify.compare import Comparison, inspect_folder
from runbook_lib.stages.verify.facts import VerifiedFolder, VerifyFacts
from runbook_lib.stages.verify.hasher import Hasher
from runbook_lib.stages.verify.links import Bounds
from runbook_lib.stages.verify.ocr_folder import known_of_ocr, ocr_model
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind
from runbook_lib.stages.verify.sources import Known, Locked, known_of_artifacts, known_of_snapshot
from runbook_lib.stages.verify.written_through import named_event


@dataclass(frozen=True)
class _OpenFolder:
    """A folder whose hashes are ordered and not read yet."""

    model: ModelRef
    role: str
    folder: Path
    known: Known
    comparison: Comparison | None
    extra: tuple[FileProblem, ...]

    def close(self, hasher: Hasher) -> VerifiedFolder:
        """Join what was found, once the hasher has run."""
        expectation = self.known.expectation
        return VerifiedFolder(
            model=self.model,
            role=self.role,
            folder=str(self.folder),
            commit=self.known.commit,
            source=expectation.source if expectation else "",
            file_count=len(expectation.files) if expectation else 0,
            size_bytes=expectation.size_bytes if expectation else 0,
            problems=(*self._found(hasher), *self.known.problems, *self.extra),
        )

    def _found(self, hasher: Hasher) -> tuple[FileProblem, ...]:
        if self.comparison:
            return self.comparison.problems(hasher)
        not_needed = any(problem.kind is ProblemKind.NOT_CACHED for problem in self.known.problems)
        return () if not_needed else _without_hashes(self.folder, self.model)


def collect_verification(run: OpenRun, locked: Locked | None = None) -> VerifyFacts:
    """Compare snapshot and artifacts folder of every wanted model; needs no network and changes nothing.

    With `locked`, the commits and hashes of a lock file stand above what cache and Hub say.
    """
    hasher = Hasher()
    docling = docling_of(run)
    wanted = wanted_by(run)
    opened = [folder for model in wanted.models for folder in _open_folders(run, model, hasher, locked, docling)]
    if wanted.ocr is not None and wanted.ocr.files:
        opened.append(_open_ocr(run, wanted.ocr, hasher, locked))
    started = time.perf_counter()  # what comes before may ask docling for its models, which takes longer than reading
    hasher.run()
    places = (run.cache_dir, run.artifacts_dir)
    folders = tuple(named_event(folder.close(hasher), places) for folder in opened)
    return VerifyFacts(
        folders=folders,
        others=tuple(_old_folders(run.artifacts_dir, docling)),
        hashed_bytes=hasher.ordered_bytes,
        elapsed_s=round(time.perf_counter() - started, 3),
        threads=hasher.threads,
        one_by_one_s=round(hasher.one_by_one_s, 3),
    )


def _open_folders(
    run: OpenRun, model: ModelRef, hasher: Hasher, locked: Locked | None, docling: str
) -> Iterator[_OpenFolder]:
    repo, artifacts = repo_of(run.cache_dir, model), run.artifacts_dir / model.folder_name
    known = known_of_snapshot(run, repo, model, locked)
    placed = known_of_artifacts(artifacts, repo, known, locked=model in (locked or ()))
    commit = known.commit or named_commit(repo, model.revision, artifacts).commit
    snapshot = repo.snapshot(commit) if commit else repo.folder / "snapshots"
    if known.expectation is None and placed.expectation is not None and not repo.snapshots():
        evidence = "never fetched to the cache; docling reads the artifacts folder"
        known = Known(problems=(FileProblem(path=".", kind=ProblemKind.NOT_CACHED, evidence=evidence),))
    bounds = Bounds.of(repo.folder, store=repo.cache_dir / "blobs", outer=repo.cache_dir)
    extra = tuple(_incomplete(in_repository(repo), repo.blobs))
    yield _OpenFolder(model, "snapshot", snapshot, known, _started(snapshot, known, bounds, hasher), extra)
    bounds = Bounds.of(artifacts, store=run.cache_dir, outer=run.artifacts_dir)
    extra = (
        *_incomplete(in_model_folder(artifacts), artifacts),
        *_left_by_placing(artifacts),
        *_other_docling(artifacts, docling),
        *stamp_problems(artifacts, model, known.expectation),
        *note_problems(artifacts, placed.expectation),
    )
    yield _OpenFolder(model, "artifacts", artifacts, placed, _started(artifacts, placed, bounds, hasher), extra)


def _open_ocr(run: OpenRun, ocr: WantedOcr, hasher: Hasher, locked: Locked | None) -> _OpenFolder:
    folder = run.artifacts_dir / ocr.folder
    known = known_of_ocr(folder, ocr, locked)
    bounds = Bounds.of(folder, store=run.cache_dir, outer=run.artifacts_dir)
    started = _started(folder, known, bounds, hasher)
    comparison = replace(started, tells_unexpected=False) if started else None
    return _OpenFolder(ocr_model(ocr), "artifacts", folder, known, comparison, ())


def _started(folder: Path, known: Known, bounds: Bounds, hasher: Hasher) -> Comparison | None:
    return Comparison.start(folder, known.expectation, bounds, hasher) if known.expectation else None


def _without_hashes(folder: Path, model: ModelRef) -> tuple[FileProblem, ...]:
    count = sum(1 for _ in files_below(folder)) if folder.is_dir() else 0
    if not count:
        evidence = f"nothing is known of {model} on this machine: it was never downloaded here"
        return (FileProblem(path=str(folder), kind=ProblemKind.MISSING, evidence=evidence),)
    evidence = f"of {count} files only what their contents tell by themselves was looked at"
    return (*inspect_folder(folder), FileProblem(path=".", kind=ProblemKind.UNVERIFIED, evidence=evidence))


def _incomplete(files: Iterable[IncompleteFile], home: Path) -> Iterator[FileProblem]:
    for file in files:
        after = "huggingface_hub before 1.18 goes on with it" if file.is_resumable else "no download goes on with it"
        name = file.path.relative_to(home).as_posix()
        yield FileProblem(path=name, kind=ProblemKind.INCOMPLETE, evidence=f"{file.size_bytes} bytes; {after}")


def _left_by_placing(folder: Path) -> Iterator[FileProblem]:
    for path in placing_leftovers(folder):
        evidence = "a placing that was killed left it; the next one removes it"
        yield FileProblem(path=path.relative_to(folder).as_posix(), kind=ProblemKind.INCOMPLETE, evidence=evidence)


def docling_of(run: OpenRun) -> str:
    """Return the docling version that will read the artifacts; empty when it is not known without asking."""
    if run.has("detect"):
        return run.read("detect", DetectFacts).facts.interpreter.packages.get("docling") or ""
    if run.settings.target_python:
        return ""
    try:
        return metadata.version("docling")
    except metadata.PackageNotFoundError:
        return ""


def _other_docling(folder: Path, docling: str) -> Iterator[FileProblem]:
    stamp = read_stamp(folder)
    if stamp and docling and stamp.docling not in ("", docling):
        evidence = f"placed for docling {stamp.docling}; {docling} is installed"
        yield FileProblem(path=folder.name, kind=ProblemKind.OTHER_DOCLING, evidence=evidence)


def _old_folders(artifacts: Path, docling: str) -> Iterator[FileProblem]:
    """Yield the folders of docling versions before 2.61.2, when the one in use is newer or unknown."""
    try:
        if docling and Version(docling) < FOLDERS_RENAMED_IN:
            return
    except InvalidVersion:
        pass
    for folder in (path for path in folders_in(artifacts) if path.name.startswith(OLD_FOLDER_PREFIX)):
        evidence = f"docling calls it {FOLDER_PREFIX}{folder.name.removeprefix(OLD_FOLDER_PREFIX)} now"
        yield FileProblem(path=folder.name, kind=ProblemKind.OLD_FOLDER, evidence=evidence)
