"""Planning a download: what the Hub lists, what stands here already, what room there is."""

import os
from pathlib import Path

from runbook_lib.adapters.environment import EnvironmentPlan
from runbook_lib.adapters.filesystem import free_bytes, nearest_existing
from runbook_lib.adapters.hub_cache import CachedRepo, ListedFile, Listing, repo_of
from runbook_lib.adapters.snapshot_links import linkable_files
from runbook_lib.adapters.worker import WorkerFailed
from runbook_lib.errors import DeadlineExceeded, HubError
from runbook_lib.model_ref import ModelRef
from runbook_lib.runs import OpenRun
from runbook_lib.stages.configure_env import plan_environment
from runbook_lib.stages.detect import DetectFacts
from runbook_lib.stages.download.facts import DownloadPlan, PlannedModel
from runbook_lib.stages.interpreter import collect_models, interpreter_of
from runbook_lib.stages.links import LinkMode
from runbook_lib.target import Target

_START_S = 15.0
"""What starting a worker may take on top of the network's own limit."""


def plan_download(run: OpenRun, environment: EnvironmentPlan | None = None) -> DownloadPlan:
    """Ask the Hub what the models hold (offline: the cache) and compare with what stands here; fetches no file.

    The environment is planned here when none is given. Raises `HubError` when a model's listing cannot be had, naming
    the cause and what to do.
    """
    return plan_fetching(run, wanted_models(run), environment or plan_environment(run))


def plan_fetching(target: Target, wanted: tuple[ModelRef, ...], environment: EnvironmentPlan) -> DownloadPlan:
    """Plan the download of these models under this environment; see `plan_download`."""
    models = tuple(_planned(target, model, environment) for model in wanted)
    artifacts = target.artifacts_dir
    same_volume = _volume(target.cache_dir) == _volume(artifacts)
    return DownloadPlan(
        models=models,
        cache_dir=str(target.cache_dir),
        artifacts_dir=str(artifacts),
        links=environment.links,
        cache_needs_bytes=sum(planned.fetch_bytes for planned in models),
        cache_free_bytes=free_bytes(target.cache_dir),
        artifacts_need_bytes=sum(
            file.size_bytes
            for planned in models
            for file in planned.listing.files
            if not (artifacts / planned.model.folder_name / file.path).exists()
            and not (same_volume and environment.links != LinkMode.COPY and file.sha256)
        ),
        artifacts_free_bytes=free_bytes(artifacts),
        same_volume=same_volume,
    )


def wanted_models(run: OpenRun) -> tuple[ModelRef, ...]:
    """Return the models of the run: as stage detect found them, or asked for now."""
    if run.has("detect") and (models := run.read("detect", DetectFacts).facts.models):
        return models
    return collect_models(run)


def _planned(target: Target, model: ModelRef, environment: EnvironmentPlan) -> PlannedModel:
    repo = repo_of(target.cache_dir, model)
    offline = target.settings.offline
    listing = _listing_offline(repo, model) if offline else _listing_online(target, model, environment.values())
    missing = missing_files(repo, listing)
    linkable = linkable_files(repo, listing) if environment.links == LinkMode.HARDLINK else ()
    return PlannedModel(
        model=model,
        listing=listing,
        missing=tuple(file.path for file in missing),
        missing_bytes=sum(file.size_bytes for file in missing),
        linkable_bytes=sum(file.size_bytes for file in linkable if file in missing),
    )


def missing_files(repo: CachedRepo, listing: Listing) -> tuple[ListedFile, ...]:
    """Return the files of a listing that the cache does not hold in their full length."""
    return tuple(file for file in listing.files if not is_cached(repo, listing.commit, file))


def is_cached(repo: CachedRepo, commit: str, file: ListedFile) -> bool:
    """Whether the file stands in the cache in its full length; the content is not looked at."""
    return any(
        path.is_file() and path.stat().st_size == file.size_bytes
        for path in (repo.snapshot(commit) / file.path, repo.blobs / file.etag)
    )


def _listing_online(target: Target, model: ModelRef, variables: dict[str, str]) -> Listing:
    timeout_s = target.settings.probe_limit_s
    request = {"repo_id": model.repo_id, "revision": model.revision, "timeout_s": timeout_s}
    try:
        answer = interpreter_of(target, variables).run("list_files", request, limit_s=_START_S + 2 * timeout_s)
    except WorkerFailed as failure:
        from runbook_lib.stages.failures import explain_failure  # brings the whole catalogue

        explanation = explain_failure(failure)
        raise HubError(
            f"The Hub does not tell what {model} holds.", why=explanation.evidence, remedy=explanation.remedy
        ) from failure
    except DeadlineExceeded as late:
        raise HubError(
            f"The Hub at {target.endpoint} accepted the question about {model} and never answered.",
            why=late.what,
            remedy="Use a mirror with -p hub URL, or a cache that is filled with -p offline true; "
            "notebooks/01_detect.ipynb shows which step of the way fails.",
        ) from late
    return Listing(repo_id=model.repo_id, revision=model.revision, **answer.value)


def _listing_offline(repo: CachedRepo, model: ModelRef) -> Listing:
    listing = repo.listing(model.revision)
    if listing is None:
        raise HubError(
            f"{model} is not in the cache {repo.cache_dir}, or was put there without its file list.",
            why="This run is offline, so the Hub cannot be asked.",
            remedy="Run stage download once online with the same models and cache (-p offline false), then offline.",
        )
    return listing


def _volume(path: Path) -> int:
    return os.stat(nearest_existing(path)).st_dev  # noqa: PTH116 - Path.stat says no more
