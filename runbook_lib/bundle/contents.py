"""What goes into a bundle: the models of a run, the files that hold them, and the papers that go along."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.bundle.names import require_names
from runbook_lib.bundle.sbom import SBOM_NAME, sbom_of
from runbook_lib.bundle.wheel_download import FetchedWheels
from runbook_lib.bundle.wheelhouse import WHEELS_LOCK, LockedWheel, Wheelhouse
from runbook_lib.cache.hashing import git_sha1_of
from runbook_lib.cache.layout import repo_of
from runbook_lib.cache.tree_listing import tree_path
from runbook_lib.checks.practice import require_real
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import BundleError
from runbook_lib.run.folder import STAGES, Run, stage_file_stem
from runbook_lib.run.lock_file import LOCK_NAME, LockedFile, LockFile, lock_beside
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.download.plan import wanted_by
from runbook_lib.system.filesystem import refusals_told
from runbook_lib.upkeep.lock import listed_here, lock_of


@dataclass(frozen=True)
class SourceFile:
    """A file of this machine that becomes a blob."""

    path: Path
    size_bytes: int
    sha256: str
    is_weights: bool
    """Nobody edits it, so that it may be shared with the bundle; small files are copied."""


@dataclass(frozen=True)
class Contents:
    """Everything a bundle is made of."""

    lock: LockFile
    files: Mapping[str, SourceFile]
    """By SHA-256: equal contents are carried once."""
    papers: Mapping[str, bytes]
    refs: Mapping[str, tuple[str, ...]]
    """By repository, the branches and tags that stand for its commit here."""
    wheels: Wheelhouse | None = None


def collect_contents(
    run: OpenRun, proof: Path | None = None, *, sbom: bool = False, wheels: FetchedWheels | None = None
) -> Contents:
    """Look up what the run's models consist of and where it stands; weights are not read yet.

    `proof` is the folder of a run whose report and records go along; `sbom` adds a bill of materials. Raises
    `BundleError` when a file is missing or has another length than it should, `HubError` when no listing is known here,
    `RecordError` when `proof` is no run.
    """
    require_real(run, wanted_by(run).models)
    _require_whole(run)
    with refusals_told("A model cannot be read.", "Run runbook verify, then runbook repair."):
        lock = lock_of(run, lock_beside(run.settings.lock_file))
        files = {file.sha256: file for file in _files(run, lock)}
        papers = {LOCK_NAME: lock.text().encode(), **dict(_listings(run, lock)), **dict(_proof(proof))}
        if sbom:
            papers[SBOM_NAME] = sbom_of(lock, lambda sha256: files[sha256].path.read_bytes())
    if wheels is not None:
        papers[WHEELS_LOCK] = wheels.house.pylock().encode()
        files |= {wheel.sha256: _wheel_file(wheel, wheels.folder) for wheel in wheels.house.wheels}
    require_names(papers, "The bundle")
    refs = {repo.repo_id: _refs(run, repo.model, repo.commit) for repo in lock.repositories}
    return Contents(lock, files, papers, refs, wheels.house if wheels else None)


def _wheel_file(wheel: LockedWheel, folder: Path) -> SourceFile:
    return SourceFile(folder / wheel.name, wheel.size_bytes, wheel.sha256, is_weights=False)


def _require_whole(run: OpenRun) -> None:
    """Raise `BundleError` for a file that is not there in its length, before any is read."""
    wanted = wanted_by(run)
    for model in wanted.models:
        listing, folder = listed_here(run, model)
        require_names((file.path for file in listing.files), str(model))
        for file in listing.files:
            _require_length(folder / file.path, file.size_bytes, str(model))
    for ocr_file in wanted.ocr.files if wanted.ocr else ():
        if wanted.ocr and not (run.artifacts_dir / wanted.ocr.folder / ocr_file.name).is_file():
            raise _not_intact(wanted.ocr.folder, ocr_file.name, "it is missing")


def _require_length(path: Path, size_bytes: int, model: str) -> None:
    found = -1
    with suppress(OSError):
        found = path.stat().st_size
    if found != size_bytes:
        seen = "it is missing" if found < 0 else f"it holds {found} bytes, {size_bytes} are listed"
        raise _not_intact(model, path.name, seen)


def _files(run: OpenRun, lock: LockFile) -> Iterator[SourceFile]:
    for repository in lock.repositories:
        _listing, folder = listed_here(run, repository.model)
        for file in repository.files:
            path = (folder / file.path).resolve()
            _require_git_id(path, file, str(repository.model))
            yield SourceFile(path, file.size_bytes, file.sha256, file.lfs)
    for locked in lock.ocr.files if lock.ocr else ():
        path = run.artifacts_dir / lock.ocr.folder / locked.path if lock.ocr else Path()
        yield SourceFile(path.resolve(), locked.size_bytes, locked.sha256, is_weights=False)


def _require_git_id(path: Path, file: LockedFile, model: str) -> None:
    """Compare a small file with what the Hub listed; that of an LFS file is compared while it is carried."""
    if not file.lfs and git_sha1_of(path) != file.git_sha1:
        raise _not_intact(model, file.path, "its content is not what the Hub lists")


def not_as_locked(file: SourceFile) -> BundleError:
    """Return the error for a file whose content is not what its name says."""
    return _not_intact("A model", str(file.path), f"its SHA-256 is not {file.sha256}")


def _not_intact(model: str, name: str, seen: str) -> BundleError:
    return BundleError(
        f"The bundle was not made: {model} is not intact.",
        why=f"{name}: {seen}.",
        remedy="Run runbook verify to see all of it, then runbook repair.",
    )


def _listings(run: OpenRun, lock: LockFile) -> Iterator[tuple[str, bytes]]:
    """Yield huggingface_hub's own listings as they stand: they know more than the lock file (Xet hashes)."""
    for repository in lock.repositories:
        path = tree_path(repo_of(run.cache_dir, repository.model).folder, repository.commit)
        if path.is_file():
            yield listing_name(repository.model, repository.commit), path.read_bytes()


def listing_name(model: ModelRef, commit: str) -> str:
    """Return under which name a bundle carries the listing of a commit."""
    return f"trees/{model.folder_name}/{commit}.json"


def _refs(run: OpenRun, model: ModelRef, commit: str) -> tuple[str, ...]:
    repo = repo_of(run.cache_dir, model)
    own = () if model.revision == commit else (model.revision,)
    return tuple(sorted({*repo.names_of(commit), *own}))


def _proof(folder: Path | None) -> Iterator[tuple[str, bytes]]:
    """Yield the report and the records of a run that has proved these models."""
    if folder is None:
        return
    Run(folder).header()  # says what is wrong with it
    names = ("report.html", "run.json", *(f"{stage_file_stem(stage)}.json" for stage in STAGES))
    for name in names:
        if (folder / name).is_file():
            yield f"run/{name}", (folder / name).read_bytes()
