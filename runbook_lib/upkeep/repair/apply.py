"""Carrying out a repair."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runbook_lib.cache.artifacts import place_artifacts
from runbook_lib.cache.hard_links import put_link
from runbook_lib.cache.incomplete_files import IncompleteFile, remove
from runbook_lib.cache.inventory import QUARANTINE, SNAPSHOTS
from runbook_lib.cache.layout import CachedRepo, repo_of
from runbook_lib.cache.link_mode import LinkMode
from runbook_lib.cache.locks import download_lock, hold
from runbook_lib.cache.refs import write_ref
from runbook_lib.errors import DiskError, HubError
from runbook_lib.pipeline.wanted import WantedOcr
from runbook_lib.run.interpreter import packages_of
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord
from runbook_lib.stages.configure_env import plan_environment
from runbook_lib.stages.download.facts import DownloadPlan
from runbook_lib.stages.download.hub_access import HubAccess, hub_access
from runbook_lib.stages.download.plan import plan_fetching
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.facts import VerifyFacts
from runbook_lib.stages.verify.sources import Locked, listing_of
from runbook_lib.stages.verify.stage import verify
from runbook_lib.system.filesystem import describe_os_error
from runbook_lib.upkeep.repair.copies import put_copy
from runbook_lib.upkeep.repair.facts import (
    Copy,
    Move,
    Moved,
    PinnedModel,
    RepairPlan,
    RepairResult,
    Skipped,
)
from runbook_lib.upkeep.repair.notes import note_repair

_LOCK_LIMIT_S: Final = 60.0
_WINDOWS_PATH_LIMIT: Final = 250
"""A little below 260, for a drive that is mapped to a longer path."""


def apply_repair(run: OpenRun, plan: RepairPlan, locked: Locked | None = None) -> RepairResult:
    """Move bad names aside, fetch what is missing then, place docling's artifacts and verify; saves both records.

    Deletes nothing but incomplete files of interrupted downloads, and leaves a note of what it did in the folder of the
    run. Before anything is moved the Hub is asked; raises `HubError` when the run is offline or the Hub does not
    answer, and `DiskError` when a download is going on in the cache.
    """
    if plan.fetches and run.settings.offline:
        raise HubError(
            "Repair has to fetch files, and this run is offline; nothing was moved.",
            why=f"{len(plan.moves)} names are bad or missing, and what replaces them is not on this machine.",
            remedy="Run runbook repair without offline, or copy the models from a machine where they verify.",
        )
    began_at, started = datetime.now(UTC), time.monotonic()
    to_fetch = tuple(model for model in plan.models if model.listing is None)
    with hub_access(run, plan_environment(run)) as hub:
        if to_fetch:
            _download_plan(hub, to_fetch)  # asks the Hub while there is still something to lose
        moved, skipped = _move_aside(run, plan.moves)
        removed, kept = _remove_incomplete(run, plan.incomplete)
        copied, refused = _repair_here(run, plan, hub.links)
        missing = _download_plan(hub, to_fetch, plan.ocr) if to_fetch or plan.ocr else None
        fetched = download(run, missing, hub=hub) if missing else None
    verified = verify(run, locked)
    relinked = tuple(_relinked(run, moved, verified))
    result = RepairResult(
        moved=moved,
        skipped=(*skipped, *kept, *refused),
        removed=removed,
        copied=copied,
        refs=plan.refs,
        relinked=relinked,
        download=fetched,
        verification=verified,
    )
    note_repair(run, result, began_at, time.monotonic() - started)
    return result


def _repair_here(run: OpenRun, plan: RepairPlan, links: LinkMode) -> tuple[tuple[Copy, ...], tuple[Skipped, ...]]:
    """Copy what is intact elsewhere, write the refs, and place what needs no Hub for docling; one after the other."""
    local = tuple(model for model in plan.models if model.listing)
    if not (plan.copies or plan.refs or local):
        return (), ()
    docling = packages_of(run.settings).version_text("docling") or ""
    copied, refused = [], []
    with hold(download_lock(run.cache_dir), "a download into this cache", limit_s=_LOCK_LIMIT_S):
        for copy in plan.copies:
            try:
                put_copy(run.cache_dir, copy, links)
                copied.append(copy)
            except (OSError, DiskError) as error:
                refused.append(Skipped(path=copy.source, reason=_why(error)))
        for ref in plan.refs:
            write_ref(repo_of(run.cache_dir, ref.model), ref.model.revision, ref.commit)
        share = links is not LinkMode.COPY
        placed = [_placing_problem(run, model, docling, share=share) for model in local]
    return tuple(copied), (*refused, *filter(None, placed))


def _placing_problem(run: OpenRun, model: PinnedModel, docling: str, *, share: bool) -> Skipped | None:
    """Place a model from its snapshot; returns what was in the way."""
    folder = run.artifacts_dir / model.model.folder_name
    snapshot = repo_of(run.cache_dir, model.model).snapshot(model.commit)
    try:
        if model.listing:
            place_artifacts(model.listing, snapshot, folder, docling=docling, link=share)
    except (OSError, DiskError) as error:
        return Skipped(path=folder, reason=_why(error))
    return None


def _why(error: OSError | DiskError) -> str:
    return describe_os_error(error) if isinstance(error, OSError) else f"{error.what} {error.why}"


def _download_plan(hub: HubAccess, models: tuple[PinnedModel, ...], ocr: WantedOcr | None = None) -> DownloadPlan:
    """Plan to fetch each model at the commit it is repaired at, and to record it under its own revision."""
    revisions = [model.model.revision for model in models]
    return plan_fetching(hub, tuple(model.pinned for model in models), ocr, recorded_under=revisions)


def _move_aside(run: OpenRun, moves: tuple[Move, ...]) -> tuple[tuple[Moved, ...], tuple[Skipped, ...]]:
    if not moves:
        return (), ()
    folder = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z"
    moved, skipped = [], []
    with hold(download_lock(run.cache_dir), "a download into this cache", limit_s=_LOCK_LIMIT_S):
        for number, move in enumerate(moves):
            target = _target(move, folder, number)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                move.source.rename(target)
            except OSError as error:  # in use on Windows, or not ours to write
                if os.path.lexists(move.source):  # else it went with its folder, or another process was quicker
                    skipped.append(Skipped(path=move.source, reason=describe_os_error(error)))
            else:
                moved.append(Moved(source=move.source, target=target))
    return tuple(moved), tuple(skipped)


def _remove_incomplete(run: OpenRun, files: tuple[IncompleteFile, ...]) -> tuple[tuple[Path, ...], tuple[Skipped, ...]]:
    removed, kept = [], []
    for file in files:
        try:
            if remove(run.cache_dir, file):
                removed.append(file.path)
            else:
                kept.append(Skipped(path=file.path, reason="a download is writing it"))
        except OSError as error:
            kept.append(Skipped(path=file.path, reason=describe_os_error(error)))
    return tuple(removed), tuple(kept)


def _target(move: Move, folder: str, number: int) -> Path:
    """Return where a name goes: flat, and so shorter than where it comes from, where Windows would refuse it."""
    home = move.home / QUARANTINE / folder
    target = home / move.place
    return target if len(str(target)) < _WINDOWS_PATH_LIMIT else home / f"{number:03d}-{move.source.name}"


def _relinked(run: OpenRun, moved: tuple[Moved, ...], verified: StageRecord[VerifyFacts]) -> Iterator[Path]:
    """Give other snapshots back the names they lost, where their own listing says it is the same content."""
    for folder in verified.facts.folders:
        repo = repo_of(run.cache_dir, folder.model)
        listing = listing_of(repo, folder.commit) if folder.role == "snapshot" and not folder.serious else None
        repaired = {file.etag: Path(folder.folder, file.path) for file in listing.files} if listing else {}
        for move in moved:
            etag = _etag_elsewhere(repo, move.source, folder.commit)
            source = repaired.get(etag)
            if source and _link_again(source.resolve(), move.source, etag):
                yield move.source


def _etag_elsewhere(repo: CachedRepo, path: Path, commit: str) -> str:
    """Return what another snapshot's listing says of a path in it; empty for every other path."""
    home = repo.folder.resolve() / SNAPSHOTS
    if not path.is_relative_to(home):
        return ""
    other, *rest = path.relative_to(home).parts
    listing = listing_of(repo, other) if other != commit else None
    name = "/".join(rest)
    return next((file.etag for file in listing.files if file.path == name), "") if listing else ""


def _link_again(source: Path, target: Path, etag: str) -> bool:
    try:
        if target.exists():
            return False
        put_link(source, source.stat(), target, etag)
    except OSError:  # it is fetched again when that snapshot is wanted
        return False
    return True
