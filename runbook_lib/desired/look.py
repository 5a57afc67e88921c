"""Looking at a machine beside a lock file: fast by names, links, lengths and times, or by contents. Changes nothing."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

from runbook_lib.cache.artifacts import read_stamp, written_since
from runbook_lib.cache.etags import is_commit
from runbook_lib.cache.layout import repo_of
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.desired.state import Finding, MachineState, ModelState, State
from runbook_lib.run.lock_file import LockedOcr, LockFile, read_lock, require_same_kind
from runbook_lib.run.target import Target
from runbook_lib.stages.verify.compare import Comparison, glance_at
from runbook_lib.stages.verify.expected import Expectation
from runbook_lib.stages.verify.hasher import Hasher
from runbook_lib.stages.verify.links import Bounds
from runbook_lib.stages.verify.locked import expectations_of
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind, Severity
from runbook_lib.system.filesystem import describe_os_error


@dataclass(frozen=True)
class _Folder:
    """A folder that is there, and what it should hold."""

    model: ModelRef
    where: str
    path: Path
    expected: Expectation
    bounds: Bounds


@dataclass(frozen=True)
class _Looked:
    """What was told by names alone, and the folders that are left to be compared."""

    findings: dict[ModelRef, list[Finding]]
    folders: tuple[_Folder, ...]


def machine_state(target: Target, lock_path: Path, *, by_hash: bool = False) -> MachineState:
    """Compare cache and artifacts folder with a lock file; needs no network, no docling and no huggingface_hub.

    Raises `RecordError` for a lock file that cannot be read, or is of practice models where real ones are meant.
    """
    lock = read_lock(lock_path)
    require_same_kind(target, lock, lock_path)
    return state_of(target, lock, lock_path, by_hash=by_hash)


def state_of(target: Target, lock: LockFile, lock_path: Path, *, by_hash: bool = False) -> MachineState:
    """Do the same for a lock file that was read."""
    started = time.perf_counter()
    expected = expectations_of(lock)
    looked = _look(target, lock, expected)
    for folder, problems in _compared(looked.folders, by_hash=by_hash):
        looked.findings[folder.model] += _judged(folder, problems, by_hash=by_hash)
    return MachineState(
        practice=lock.is_practice,
        lock_file=lock_path,
        locked_at=lock.created_at,
        read="hash" if by_hash else "sizes",
        elapsed_s=round(time.perf_counter() - started, 3),
        cache_dir=target.cache_dir,
        artifacts_dir=target.artifacts_dir,
        models=tuple(
            ModelState(
                model=model,
                commit=expectation.commit,
                files=len(expectation.files),
                size_bytes=expectation.size_bytes,
                findings=tuple(looked.findings[model]),
            )
            for model, expectation in expected.items()
        ),
        locked_docling=lock.docling,
        docling=_docling(target),
    )


def _look(target: Target, lock: LockFile, expected: dict[ModelRef, Expectation]) -> _Looked:
    findings: dict[ModelRef, list[Finding]] = {model: [] for model in expected}
    seen: list[tuple[ModelRef, _Folder | Finding]] = []
    for repository in lock.repositories:
        model = repository.model
        seen += [
            (model, _told("snapshot", model, partial(_snapshot, target, model, expected[model]))),
            (model, _told("artifacts", model, partial(_placed, target, model, expected[model]))),
        ]
    if ocr := lock.ocr:
        seen.append((ocr.model, _told("artifacts", ocr.model, partial(_ocr, target, ocr, expected[ocr.model]))))
    for model, found in seen:
        if isinstance(found, Finding):
            findings[model].append(found)
    for repository in lock.repositories:
        findings[repository.model] += _ref(target, repository.model, repository.commit)
    return _Looked(findings, tuple(found for _, found in seen if isinstance(found, _Folder)))


def _told(where: str, model: ModelRef, look: Callable[[], _Folder | Finding]) -> _Folder | Finding:
    """Return what a look at a folder tells; that it is refused is an answer, too."""
    try:
        return look()
    except OSError as error:
        return _finding(where, State.UNKNOWN, str(model), describe_os_error(error))


def _ocr(target: Target, ocr: LockedOcr, expected: Expectation) -> _Folder | Finding:
    folder = target.artifacts_dir / ocr.folder
    if not folder.is_dir():
        return _finding("artifacts", State.DRIFTED, ocr.folder, "not here")
    bounds = Bounds.of(folder, store=target.cache_dir, outer=target.artifacts_dir)
    return _Folder(ocr.model, "artifacts", folder, expected, bounds)


def _snapshot(target: Target, model: ModelRef, expected: Expectation) -> _Folder | Finding:
    repo = repo_of(target.cache_dir, model)
    folder = repo.snapshot(expected.commit)
    if folder.is_dir():
        bounds = Bounds.of(repo.folder, store=repo.cache_dir / "blobs", outer=repo.cache_dir)
        return _Folder(model, "snapshot", folder, expected, bounds)
    others = ", ".join(other.name[:8] for other in repo.snapshots())
    return _finding(
        "snapshot", State.DRIFTED, expected.commit[:8], f"not here; here is {others}" if others else "not here"
    )


def _placed(target: Target, model: ModelRef, expected: Expectation) -> _Folder | Finding:
    folder = target.artifacts_dir / model.folder_name
    if not folder.is_dir():
        return _finding("artifacts", State.DRIFTED, folder.name, "not here")
    stamp = read_stamp(folder)
    if stamp and stamp.commit != expected.commit:
        return _finding("artifacts", State.DRIFTED, folder.name, f"made from commit {stamp.commit[:8]}")
    bounds = Bounds.of(folder, store=target.cache_dir, outer=target.artifacts_dir)
    return _Folder(model, "artifacts", folder, expected, bounds)


def _ref(target: Target, model: ModelRef, commit: str) -> Iterator[Finding]:
    """Yield where a branch or tag leads elsewhere: a client that is offline would load that commit."""
    found = repo_of(target.cache_dir, model).commit_of(model.revision)
    if found != commit and not is_commit(model.revision):
        stands_for = f"stands for {found[:8]}" if found else "stands for nothing that can be read"
        yield _finding("ref", State.DRIFTED, model.revision, stands_for)


def _compared(folders: Sequence[_Folder], *, by_hash: bool) -> Iterator[tuple[_Folder, tuple[FileProblem, ...]]]:
    if not by_hash:
        yield from ((folder, glance_at(folder.path, folder.expected, folder.bounds)) for folder in folders)
        return
    hasher = Hasher()
    started = [Comparison.start(folder.path, folder.expected, folder.bounds, hasher) for folder in folders]
    hasher.run()
    for folder, comparison in zip(folders, started, strict=True):
        yield folder, comparison.problems(hasher)


def _judged(folder: _Folder, problems: Sequence[FileProblem], *, by_hash: bool) -> Iterator[Finding]:
    """Yield what makes a difference; files that nobody locked, and links that only surprise, do not."""
    for problem in problems:
        if problem.severity is Severity.SERIOUS:
            state = State.UNKNOWN if problem.kind is ProblemKind.UNREADABLE else State.BROKEN
            evidence = f"{problem.kind.value} ({problem.evidence})"
            yield _finding(folder.where, state, problem.path, evidence)
    if folder.where == "artifacts" and not by_hash:
        named = {problem.path for problem in problems}
        for name in written_since(folder.path):
            if name not in named:
                yield _finding(folder.where, State.UNKNOWN, name, "written to since it was placed; --hash tells")


def _finding(where: str, state: State, what: str, evidence: str) -> Finding:
    return Finding.model_validate({"where": where, "state": state, "what": what, "evidence": evidence})


def _docling(target: Target) -> str:
    """Return the version beside us; another interpreter would have to be started for the answer."""
    if target.settings.target_python:
        return ""
    try:
        return metadata.version("docling")
    except metadata.PackageNotFoundError:
        return ""
