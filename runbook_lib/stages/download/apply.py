"""Carrying out a download plan."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_lib.cache.artifacts import Placement, place_artifacts
from runbook_lib.cache.incomplete_files import new_ones_removed
from runbook_lib.cache.layout import CachedRepo, Listing, repo_of
from runbook_lib.cache.link_mode import LinkMode
from runbook_lib.cache.listing_writer import write_listing
from runbook_lib.cache.locks import Say, download_lock, hold
from runbook_lib.cache.snapshot_links import link_unchanged_files
from runbook_lib.cache.tree_listing import make_public, tree_path
from runbook_lib.errors import DeadlineExceeded, DiskError
from runbook_lib.ocr.place import PlacedOcr, place_ocr
from runbook_lib.ocr.plan import OcrPlan
from runbook_lib.render.values import format_bytes
from runbook_lib.run.check import Change
from runbook_lib.run.interpreter import packages_of
from runbook_lib.run.target import Target
from runbook_lib.stages.download.facts import DownloadFacts, DownloadPlan, FetchedModel, PlannedModel
from runbook_lib.stages.download.hub_access import HubAccess
from runbook_lib.stages.download.image_weights import copied_up_by_placing, growth_of
from runbook_lib.stages.download.patience import Patience
from runbook_lib.stages.download.plan import missing_files
from runbook_lib.system.filesystem import describe_os_error
from runbook_lib.system.layers import CopyUps, Layers
from runbook_lib.system.progress import print_to_stderr, show_progress
from runbook_lib.workers.failure import Cancelled, WorkerFailed

if TYPE_CHECKING:
    from runbook_lib.checks.explain import Explanation  # brings the whole catalogue

_FRUITLESS_S = 60.0
"""How long a bad line may bring no file; never more than a quarter of the stage's limit."""


@dataclass(frozen=True)
class _Fetch:
    """What every fetch of a stage shares."""

    hub: HubAccess
    deadline: float
    cancel: threading.Event | None
    docling: str


def apply_download(
    hub: HubAccess, plan: DownloadPlan, deadline: float, cancel: threading.Event | None = None
) -> tuple[DownloadFacts, tuple[Change, ...]]:
    """Fetch and place every model of the plan; a plan that does not fit fetches nothing.

    Raises `DiskError` when another process is still downloading into the cache at the deadline.
    """
    with sole_download(hub.target, deadline, print_to_stderr):
        return fetch_and_place(hub, plan, deadline, cancel)


def sole_download(target: Target, deadline: float, say: Say) -> AbstractContextManager[None]:
    """Hold the cache's download lock: without symlinks hub itself fetches a file once for each process that asks."""
    limit_s = max(deadline - time.monotonic(), 0.0)
    return hold(download_lock(target.cache_dir), "a download into this cache", limit_s=limit_s, say=say)


def fetch_and_place(
    hub: HubAccess, plan: DownloadPlan, deadline: float, cancel: threading.Event | None = None
) -> tuple[DownloadFacts, tuple[Change, ...]]:
    """Carry out the plan; the caller holds the download lock."""
    if not plan.fits:
        return DownloadFacts(plan=plan, models=tuple(_refused(planned) for planned in plan.models)), ()
    docling = packages_of(hub.target.settings).version_text("docling") or ""
    fetch = _Fetch(hub, deadline, cancel, docling)
    listed = tuple(_written_listings(hub.target, plan))
    models = tuple(_outcome(fetch, planned) for planned in plan.models)
    ocr = _place_ocr(fetch, plan.ocr) if plan.ocr else None
    changes = (*listed, *_changes(hub.target, models), *_ocr_changes(ocr))
    return DownloadFacts(plan=plan, models=models, ocr=ocr), changes


def _written_listings(target: Target, plan: DownloadPlan) -> Iterator[Change]:
    """Write the listings for which the lock file stands in: huggingface_hub asks the network for them otherwise."""
    for planned in plan.models:
        if planned.listed_by_lock:
            for path in write_listing(repo_of(target.cache_dir, planned.model), planned.listing):
                yield Change(what=str(path), before="", after="written from the lock file")


def _place_ocr(fetch: _Fetch, plan: OcrPlan) -> PlacedOcr:
    mirror = fetch.hub.target.settings.ocr_mirror
    with show_progress("models for OCR", plan.copied_bytes) as progress:
        return place_ocr(
            plan,
            mirror=mirror,
            docling=fetch.docling,
            deadline=fetch.deadline,
            cancel=fetch.cancel,
            progress=progress.update_to,
        )


def _ocr_changes(placed: PlacedOcr | None) -> Iterator[Change]:
    if placed is not None and placed.placed_bytes:
        yield Change(what=placed.folder, before="", after=f"{format_bytes(placed.placed_bytes)}: {placed}")


def _refused(planned: PlannedModel) -> FetchedModel:
    return FetchedModel(
        model=planned.model,
        listing=planned.listing,
        snapshot="",
        fetched_bytes=0,
        elapsed_s=0.0,
        problem="not fetched: there is not room for all of the plan",
        remedy="Free space, or name other volumes: -p cache_dir PATH, -p artifacts_dir PATH.",
        quirk="disk-full-cross-volume",
    )


@dataclass(frozen=True)
class _Fetched:
    """How fetching a model ended."""

    snapshot: Path | None = None
    fetched_bytes: int = 0
    linked_bytes: int = 0
    copied_up_bytes: int = 0
    tries: int = 1
    why_not: "Explanation | None" = None


@dataclass(frozen=True)
class _Placed:
    """How placing a model ended."""

    placement: Placement | None = None
    copied_up_bytes: int = 0
    problem: str = ""
    remedy: str = ""


def _outcome(fetch: _Fetch, planned: PlannedModel) -> FetchedModel:
    started = time.monotonic()
    fetched = _fetch_or_explain(fetch, planned)
    placed = _place(fetch, planned, fetched.snapshot) if fetched.snapshot else _Placed()
    return FetchedModel(
        model=planned.model,
        listing=planned.listing,
        snapshot=str(fetched.snapshot or ""),
        fetched_bytes=fetched.fetched_bytes,
        elapsed_s=round(time.monotonic() - started, 3),
        linked_bytes=fetched.linked_bytes,
        copied_up_bytes=fetched.copied_up_bytes,
        tries=fetched.tries,
        problem=fetched.why_not.evidence if fetched.why_not else "",
        remedy=fetched.why_not.remedy if fetched.why_not else "",
        quirk=fetched.why_not.quirk if fetched.why_not else "",
        placement=placed.placement,
        placing_copied_up_bytes=placed.copied_up_bytes,
        placing_problem=placed.problem,
        placing_remedy=placed.remedy,
    )


def _fetch_or_explain(fetch: _Fetch, planned: PlannedModel) -> _Fetched:
    repo, listing = repo_of(fetch.hub.target.cache_dir, planned.model), planned.listing
    before = _missing_bytes(repo, listing)
    copy_ups = CopyUps(Layers(repo.cache_dir))
    if fetch.hub.links is LinkMode.HARDLINK:
        link_unchanged_files(repo, listing, copy_ups)
    missing_bytes = _missing_bytes(repo, listing)
    try:
        snapshot, tries = _fetch(fetch, planned, repo)
    except (WorkerFailed, DeadlineExceeded) as error:
        from runbook_lib.checks.explain import explain_deadline, explain_failure  # brings the whole catalogue

        return _Fetched(why_not=explain_failure(error) if isinstance(error, WorkerFailed) else explain_deadline(error))
    except Cancelled:
        from runbook_lib.checks.explain import Explanation

        return _Fetched(why_not=Explanation("stopped on request", "Run the stage again to go on."))
    make_public(tree_path(repo.folder, listing.commit))
    linked_bytes = before - missing_bytes
    return _Fetched(snapshot, missing_bytes, linked_bytes, copy_ups.size_bytes, tries)


def _fetch(fetch: _Fetch, planned: PlannedModel, repo: CachedRepo) -> tuple[Path, int]:
    """Fetch, again when a connection breaks; returns the snapshot and the number of tries."""
    fruitless_s = min(_FRUITLESS_S, fetch.hub.target.settings.download_limit_s / 4)
    with show_progress(str(planned.model), planned.listing.size_bytes) as progress:

        def attempt() -> Path:
            with new_ones_removed(repo):
                missing_bytes = _missing_bytes(repo, planned.listing)
                return fetch.hub.fetch(planned.model, missing_bytes, progress, fetch.deadline, fetch.cancel)

        patience = Patience(fruitless_s, fetch.deadline, progress.say, fetch.cancel)
        fetched = patience.attempts(attempt, lambda: len(missing_files(repo, planned.listing)))
        progress.update_to(planned.listing.size_bytes)  # with what was there before: a bar that ends at 40 % lies
        return fetched


def _missing_bytes(repo: CachedRepo, listing: Listing) -> int:
    """Look again: another process may have fetched since the plan was made."""
    return sum(file.size_bytes for file in missing_files(repo, listing))


def _place(fetch: _Fetch, planned: PlannedModel, snapshot: Path) -> _Placed:
    folder = fetch.hub.target.artifacts_dir / planned.model.folder_name
    links = fetch.hub.links is not LinkMode.COPY
    place = partial(place_artifacts, planned.listing, snapshot, folder, docling=fetch.docling, link=links)
    repo = repo_of(fetch.hub.target.cache_dir, planned.model)
    expected_bytes = copied_up_by_placing(repo, planned.listing, folder) if links else 0
    try:
        placement, grew_bytes = growth_of(place, folder, expected_bytes)
    except OSError as error:
        return _Placed(problem=f"{folder}: {describe_os_error(error)}")
    except DiskError as damaged:
        return _Placed(problem=f"{damaged.what} {damaged.why}", remedy=damaged.remedy)
    return _Placed(placement, grew_bytes)


def _changes(target: Target, models: tuple[FetchedModel, ...]) -> Iterator[Change]:
    for model in models:
        if model.fetched_bytes:
            where = repo_of(target.cache_dir, model.model).folder
            yield Change(what=str(where), before="", after=f"{format_bytes(model.fetched_bytes)} fetched")
        if model.linked_bytes:
            grew = f", {format_bytes(model.copied_up_bytes)} of that copied up" if model.copied_up_bytes else ""
            yield Change(what=model.snapshot, before="", after=f"{format_bytes(model.linked_bytes)} linked{grew}")
        placed = model.placement
        if placed and (placed.linked or placed.cloned or placed.copied or placed.removed):
            folder = target.artifacts_dir / model.model.folder_name
            yield Change(what=str(folder), before="", after=f"{placed}{model.placing_growth}")
