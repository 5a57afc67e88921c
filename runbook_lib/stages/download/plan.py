"""Planning a download: what the Hub lists, what stands here already, what room there is."""

import os
from collections.abc import Sequence
from pathlib import Path

from runbook_lib.cache.layout import CachedRepo, ListedFile, Listing, repo_of
from runbook_lib.cache.link_mode import LinkMode
from runbook_lib.cache.local_notes import is_written_by_hub
from runbook_lib.cache.sharing import shares_without_links
from runbook_lib.cache.snapshot_links import copied_up_bytes, linkable_files
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import StageFailed
from runbook_lib.ocr.plan import OcrPlan, plan_ocr
from runbook_lib.pipeline.wanted import Wanted, WantedOcr
from runbook_lib.run.interpreter import collect_wanted
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.configure_env import plan_environment
from runbook_lib.stages.detect import DetectFacts
from runbook_lib.stages.download.facts import DownloadPlan, PlannedModel
from runbook_lib.stages.download.hub_access import HubAccess, hub_access
from runbook_lib.stages.download.image_weights import copied_up_by_placing
from runbook_lib.stages.download.offline import listing_offline
from runbook_lib.stages.download.practice import require_practice_in_its_place
from runbook_lib.system.filesystem import free_bytes, nearest_existing


def plan_download(run: OpenRun) -> DownloadPlan:
    """Ask the Hub what the models hold (offline: the cache) and compare with what stands here; fetches no file.

    Raises `HubError` when a model's listing cannot be had, naming the cause and what to do, and `PracticeError` for
    practice models that would go among real ones.
    """
    with hub_access(run, plan_environment(run)) as hub:
        return plan_wanted(hub, wanted_by(run))


def plan_wanted(hub: HubAccess, wanted: Wanted) -> DownloadPlan:
    """Plan everything a pipeline takes; see `plan_download`."""
    return plan_fetching(hub, wanted.models, wanted.ocr)


def plan_fetching(
    hub: HubAccess,
    wanted: tuple[ModelRef, ...],
    ocr: WantedOcr | None = None,
    *,
    recorded_under: Sequence[str] = (),
) -> DownloadPlan:
    """Plan the download of these models, and of the files of an OCR engine.

    `recorded_under` has, for models that are named by their commits, the revisions they are recorded and stamped under.
    """
    revisions = recorded_under or [model.revision for model in wanted]
    models = tuple(_planned(hub, model, revision) for model, revision in zip(wanted, revisions, strict=True))
    require_practice_in_its_place(hub.target, (planned.listing for planned in models))
    ocr_plan = _planned_ocr(hub, ocr) if ocr is not None and ocr.files else None
    target, artifacts = hub.target, hub.target.artifacts_dir
    same_volume = _volume(target.cache_dir) == _volume(artifacts)
    return DownloadPlan(
        models=models,
        ocr=ocr_plan,
        cache_dir=str(target.cache_dir),
        artifacts_dir=str(artifacts),
        links=hub.links,
        cache_needs_bytes=sum(planned.fetch_bytes + planned.copied_up_bytes for planned in models),
        cache_free_bytes=free_bytes(target.cache_dir),
        artifacts_need_bytes=sum(
            _copied_bytes(planned, artifacts, shares=same_volume and hub.links is not LinkMode.COPY)
            for planned in models
        )
        + sum(_copied_up(hub, planned, artifacts) for planned in models)
        + (ocr_plan.copied_bytes if ocr_plan else 0),
        artifacts_free_bytes=free_bytes(artifacts),
        same_volume=same_volume,
    )


def _copied_bytes(planned: PlannedModel, artifacts: Path, *, shares: bool) -> int:
    """Return what placing a model takes on disk: weights are shared but where huggingface_hub itself downloads to."""
    folder = artifacts / planned.model.folder_name
    shares = shares and (not is_written_by_hub(folder) or shares_without_links(folder))
    absent = (file for file in planned.listing.files if not (folder / file.path).exists())
    return sum(file.size_bytes for file in absent if not (shares and file.sha256))


def _copied_up(hub: HubAccess, planned: PlannedModel, artifacts: Path) -> int:
    """Return what sharing the weights of a container's image takes; where they are copied, that is counted already."""
    if hub.links is LinkMode.COPY:
        return 0
    repo = repo_of(hub.target.cache_dir, planned.model)
    return copied_up_by_placing(repo, planned.listing, artifacts / planned.model.folder_name)


def wanted_by(run: OpenRun) -> Wanted:
    """Return what the pipeline of the run takes: as stage detect found it, or asked for now.

    Raises `StageFailed` when docling cannot even be imported, so that nobody knows.
    """
    found = run.read("detect", DetectFacts).facts.wanted if run.has("detect") else Wanted()
    wanted = found if found.repositories else collect_wanted(run)
    if not wanted.repositories and wanted.missing:
        first = wanted.missing[0]
        raise StageFailed(
            "It is not known which models are needed: docling cannot build the pipeline.",
            why=str(first),
            remedy=f"Install {first.install} there, or name the models: -p models org/name@revision,..."
            if first.install
            else "Fix docling's installation or the pipeline, or name the models: -p models org/name@revision,...",
        )
    return wanted


def _planned_ocr(hub: HubAccess, ocr: WantedOcr) -> OcrPlan:
    settings, folder = hub.target.settings, hub.target.artifacts_dir / ocr.folder
    return plan_ocr(str(ocr), ocr.files, folder, mirror=settings.ocr_mirror, offline=settings.offline)


def _planned(hub: HubAccess, model: ModelRef, recorded_under: str) -> PlannedModel:
    repo = repo_of(hub.target.cache_dir, model)
    settings, by_lock = hub.target.settings, False
    if settings.offline:
        listing, by_lock = listing_offline(repo, model, settings.lock_file)
    else:
        listing = hub.listing(model)
    missing = missing_files(repo, listing)
    linkable = linkable_files(repo, listing) if hub.links is LinkMode.HARDLINK else ()
    return PlannedModel(
        model=model,
        listing=listing.under(recorded_under),
        missing=tuple(file.path for file in missing),
        missing_bytes=sum(file.size_bytes for file in missing),
        listed_by_lock=by_lock,
        linkable_bytes=sum(file.size_bytes for file in linkable if file in missing),
        copied_up_bytes=copied_up_bytes(repo, listing) if linkable else 0,
    )


def missing_files(repo: CachedRepo, listing: Listing) -> tuple[ListedFile, ...]:
    """Return the files of a listing that the cache does not hold in their full length."""
    return tuple(file for file in listing.files if not repo.holds(listing.commit, file))


def _volume(path: Path) -> int:
    return os.stat(nearest_existing(path)).st_dev  # noqa: PTH116 - Path.stat says no more
