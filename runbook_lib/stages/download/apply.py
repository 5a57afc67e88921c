"""Carrying out a download plan."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.adapters.artifacts import place_artifacts
from runbook_lib.adapters.environment import EnvironmentPlan
from runbook_lib.adapters.filesystem import describe_os_error
from runbook_lib.adapters.hub_cache import repo_of
from runbook_lib.adapters.progress import Progress, show_progress
from runbook_lib.adapters.worker import Cancelled, Interpreter, WorkerFailed
from runbook_lib.errors import DeadlineExceeded
from runbook_lib.records import Change
from runbook_lib.render import format_bytes
from runbook_lib.runs import OpenRun
from runbook_lib.stages.download.facts import DownloadFacts, DownloadPlan, FetchedModel, PlannedModel
from runbook_lib.stages.failures import explain_failure
from runbook_lib.stages.interpreter import collect_interpreter, interpreter_of
from runbook_lib.stages.links import LinkMode

_WORKERS = 8


@dataclass(frozen=True)
class _Fetch:
    """What every fetch of a stage shares."""

    run: OpenRun
    interpreter: Interpreter
    links: LinkMode
    deadline: float
    cancel: threading.Event | None
    docling: str


def apply_download(
    run: OpenRun,
    plan: DownloadPlan,
    environment: EnvironmentPlan,
    deadline: float,
    cancel: threading.Event | None = None,
) -> tuple[DownloadFacts, tuple[Change, ...]]:
    """Fetch and place every model of the plan; a plan that does not fit fetches nothing."""
    if not plan.fits:
        return DownloadFacts(plan=plan, models=tuple(_refused(planned) for planned in plan.models)), ()
    interpreter = interpreter_of(run, environment.values())
    docling = collect_interpreter(interpreter).packages.get("docling") or ""
    fetch = _Fetch(run, interpreter, LinkMode(environment.links), deadline, cancel, docling)
    models = tuple(_fetch_and_place(fetch, planned) for planned in plan.models)
    return DownloadFacts(plan=plan, models=models), tuple(_changes(run, models))


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


def _fetch_and_place(fetch: _Fetch, planned: PlannedModel) -> FetchedModel:
    started = time.monotonic()
    outcome = _place(fetch, planned, _fetch_or_explain(fetch, planned))
    return outcome.model_copy(update={"elapsed_s": round(time.monotonic() - started, 3)})


def _fetch_or_explain(fetch: _Fetch, planned: PlannedModel) -> FetchedModel:
    outcome = FetchedModel(model=planned.model, listing=planned.listing, snapshot="", fetched_bytes=0, elapsed_s=0.0)
    try:
        with show_progress(str(planned.model), planned.listing.size_bytes) as progress:
            snapshot = _fetch(fetch, planned, progress)
    except WorkerFailed as failure:
        explained = explain_failure(failure)
        problem = {"problem": explained.evidence, "remedy": explained.remedy, "quirk": explained.quirk}
    except DeadlineExceeded as late:
        remedy = "Run the stage again: files that arrived whole are kept. Or allow more: -p download_limit_s SECONDS."
        problem = {"problem": late.what, "remedy": remedy, "quirk": "snapshot-no-timeout-hang"}
    except Cancelled:
        problem = {"problem": "stopped on request", "remedy": "Run the stage again to go on."}
    else:
        return outcome.model_copy(update={"snapshot": str(snapshot), "fetched_bytes": planned.missing_bytes})
    return outcome.model_copy(update=problem)


def _place(fetch: _Fetch, planned: PlannedModel, outcome: FetchedModel) -> FetchedModel:
    if outcome.problem:
        return outcome
    folder = fetch.run.artifacts_dir / planned.model.folder_name
    try:
        placement = place_artifacts(
            planned.listing,
            Path(outcome.snapshot),
            folder,
            docling=fetch.docling,
            link=fetch.links is not LinkMode.COPY,
        )
    except OSError as error:
        return outcome.model_copy(update={"placing_problem": f"{folder}: {describe_os_error(error)}"})
    return outcome.model_copy(update={"placement": placement})


def _fetch(fetch: _Fetch, planned: PlannedModel, progress: Progress) -> Path:
    request = {
        "repo_id": planned.model.repo_id,
        "revision": planned.model.revision,
        "workers": _WORKERS,
        "symlinks": fetch.links is LinkMode.SYMLINK,
    }
    answer = fetch.interpreter.run(
        "fetch_snapshot",
        request,
        limit_s=max(fetch.deadline - time.monotonic(), 1.0),
        on_event=lambda event: progress.update_to(event["size_bytes"]),
        cancel=fetch.cancel,
    )
    return Path(answer.value["folder"])


def _changes(run: OpenRun, models: tuple[FetchedModel, ...]) -> Iterator[Change]:
    for model in models:
        if model.fetched_bytes:
            where = repo_of(run.cache_dir, model.model).folder
            yield Change(what=str(where), before="", after=f"{format_bytes(model.fetched_bytes)} fetched")
        placed = model.placement
        if placed and (placed.linked or placed.copied or placed.removed):
            folder = run.artifacts_dir / model.model.folder_name
            yield Change(what=str(folder), before="", after=str(placed))
