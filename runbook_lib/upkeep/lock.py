"""Writing the lock file, and how far the Hub has moved on from it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from runbook_lib.cache.hashing import sha256_of
from runbook_lib.cache.layout import ListedFile, Listing, repo_of
from runbook_lib.checks.practice import require_real
from runbook_lib.core import atomic
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import StrictValue
from runbook_lib.errors import HubError, RecordError, StageFailed
from runbook_lib.pipeline.wanted import WantedOcr
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Section, Table
from runbook_lib.run.lock_file import (
    LockedFile,
    LockedModelFile,
    LockedOcr,
    LockedRepository,
    LockFile,
    read_lock,
)
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.configure_env import plan_environment
from runbook_lib.stages.download.hub_access import hub_access
from runbook_lib.stages.download.plan import plan_fetching, wanted_by
from runbook_lib.stages.verify.collect import collect_verification, docling_of
from runbook_lib.stages.verify.facts import VerifiedFolder
from runbook_lib.stages.verify.sources import listing_of, local_listing, recorded_listing
from runbook_lib.system.filesystem import refusals_told


class Drift(StrictValue):
    """How far the Hub has moved on from a locked repository; nothing to be done, unless the newer commit is wanted."""

    model: ModelRef
    locked_commit: str
    hub_commit: str
    changed: tuple[str, ...]
    """Paths that are new, gone or different there."""


class LockDrift(Rendered, StrictValue):
    """A lock file beside what the Hub and the installed docling say now; informational."""

    repositories: tuple[Drift, ...]
    locked_docling: str
    docling: str

    def sections(self) -> Sequence[Section]:
        """Return one row a repository."""
        rows = tuple(
            (
                str(drift.model),
                drift.locked_commit[:8],
                drift.hub_commit[:8],
                ", ".join(drift.changed[:3]) + (" and more" if len(drift.changed) > 3 else ""),  # noqa: PLR2004
            )
            for drift in self.repositories
        )
        docling = (("docling", self.locked_docling or "unknown", self.docling or "unknown", ""),)
        return (Table("Lock file and Hub", ("what", "locked", "now", "changed files"), (*rows, *docling)),)


def write_lock(run: OpenRun, path: Path) -> LockFile:
    """Write the lock file of the models of the run, after verifying them; needs no network.

    Equal contents give equal bytes: the time of an older file is kept when nothing else differs. Raises `StageFailed`
    when a model is not intact, and `HubError` when no listing of it is known here.
    """
    facts = collect_verification(run)
    require_real(run, tuple(folder.model for folder in facts.folders))
    for folder in facts.folders:
        _require_intact(folder)
    lock = lock_of(run, path)
    with refusals_told(f"The lock file cannot be written: {path}.", "Name one that this user may write to: lock FILE."):
        atomic.write_text(path, lock.text())
    return lock


def lock_of(run: OpenRun, older: Path | None = None) -> LockFile:
    """Return what a lock file would say of the models of the run; the contents of LFS files are not read.

    The time of an `older` file is kept when nothing else differs. Raises `HubError` when no listing is known here.
    """
    wanted = wanted_by(run)
    repositories = (_locked(run, model) for model in wanted.models)
    lock = LockFile(
        practice=run.practice,
        created_at=datetime.now(UTC).replace(microsecond=0),
        docling=docling_of(run),
        repositories=tuple(sorted(repositories, key=lambda repository: (repository.repo_id, repository.revision))),
        ocr=_locked_ocr(run.artifacts_dir / wanted.ocr.folder, wanted.ocr) if wanted.ocr and wanted.ocr.files else None,
    )
    return _with_older_time(lock, older) if older else lock


def lock_drift(run: OpenRun, lock: LockFile) -> LockDrift:
    """Ask the Hub what the locked revisions stand for now; raises `HubError` when it cannot be asked."""
    with hub_access(run, plan_environment(run)) as hub:
        planned = plan_fetching(hub, tuple(repository.model for repository in lock.repositories)).models
    drifts = tuple(
        Drift(
            model=repository.model,
            locked_commit=repository.commit,
            hub_commit=entry.listing.commit,
            changed=_changed(repository, entry.listing),
        )
        for repository, entry in zip(lock.repositories, planned, strict=True)
    )
    return LockDrift(repositories=drifts, locked_docling=lock.docling, docling=docling_of(run))


def _require_intact(folder: VerifiedFolder) -> None:
    if folder.serious:
        first = folder.serious[0]
        raise StageFailed(
            f"The lock file was not written: {folder.model} is not intact.",
            why=f"{folder.role}: {first.path}: {first.kind.value} ({first.evidence})",
            remedy="Run stage verify to see all of it, then runbook repair.",
        )


def _locked(run: OpenRun, model: ModelRef) -> LockedRepository:
    return locked_repository(model, *listed_here(run, model))


def locked_repository(model: ModelRef, listing: Listing, folder: Path) -> LockedRepository:
    """Return what is locked of a model that `folder` holds, verified."""
    files = tuple(_locked_file(file, folder) for file in sorted(listing.files, key=lambda file: file.path))
    return LockedRepository(repo_id=model.repo_id, revision=model.revision, commit=listing.commit, files=files)


def listed_here(run: OpenRun, model: ModelRef) -> tuple[Listing, Path]:
    """Return the Hub's listing of a model and a folder that holds it, verified."""
    repo, artifacts = repo_of(run.cache_dir, model), run.artifacts_dir / model.folder_name
    if listing := listing_of(repo, model.revision) or recorded_listing(run, model):
        return listing, repo.snapshot(listing.commit)
    if listing := local_listing(artifacts):
        return listing, artifacts
    raise HubError(
        f"There is no listing of {model} on this machine.",
        why="Neither the cache nor the artifacts folder holds one, nor does this run's download record.",
        remedy="Run stage download once online in this run: it keeps what the Hub lists.",
    )


def _locked_ocr(folder: Path, ocr: WantedOcr) -> LockedOcr:
    files = tuple(
        LockedModelFile(
            path=file.name,
            size_bytes=(folder / file.name).stat().st_size,
            sha256=file.sha256 or sha256_of(folder / file.name),
            url=file.url,
        )
        for file in sorted(ocr.files, key=lambda file: file.name)
    )
    return LockedOcr(folder=ocr.folder, engine=ocr.engine, backend=ocr.backend, files=files)


def _locked_file(file: ListedFile, folder: Path) -> LockedFile:
    return LockedFile(
        path=file.path,
        size_bytes=file.size_bytes,
        sha256=file.sha256 or sha256_of(folder / file.path),
        git_sha1=file.git_sha1,
        lfs=file.sha256 is not None,
    )


def _with_older_time(lock: LockFile, path: Path) -> LockFile:
    try:
        older = read_lock(path)
    except RecordError:
        return lock
    return older if older.says_the_same_as(lock) else lock


def _changed(repository: LockedRepository, listing: Listing) -> tuple[str, ...]:
    locked = {file.path: file.git_sha1 for file in repository.files}
    listed = {file.path: file.git_sha1 for file in listing.files}
    return tuple(sorted(path for path in locked.keys() | listed.keys() if locked.get(path) != listed.get(path)))
