"""The looking of stage detect."""

from runbook_lib.adapters.environment import variables_of_interest
from runbook_lib.adapters.filesystem import examine_folder
from runbook_lib.adapters.hub_cache import repo_of
from runbook_lib.adapters.machine import examine_machine
from runbook_lib.adapters.network import examine_network
from runbook_lib.errors import RunbookError
from runbook_lib.model_ref import ModelRef
from runbook_lib.runs import OpenRun
from runbook_lib.stages.detect.facts import DetectFacts
from runbook_lib.stages.interpreter import collect_interpreter, collect_models, interpreter_of


def collect_detect_facts(run: OpenRun) -> DetectFacts:
    """Gather the facts; every network step ends after `probe_limit_s`."""
    models, problem = _ask_for_models(run)
    repo_id = models[0].repo_id if models else "docling-project/docling-models"
    places = {"cache": run.cache_dir, "artifacts": run.artifacts_dir, "run": run.folder}
    return DetectFacts(
        machine=examine_machine(),
        interpreter=collect_interpreter(interpreter_of(run)),
        folders=tuple(examine_folder(role, path) for role, path in places.items()),
        variables=variables_of_interest(),
        network=None if run.settings.offline else examine_network(run.endpoint, repo_id, run.settings.probe_limit_s),
        models=models,
        models_problem=problem,
        models_cached=bool(models) and all(_is_cached(run, model) for model in models),
    )


def _ask_for_models(run: OpenRun) -> tuple[tuple[ModelRef, ...], str]:
    try:
        return collect_models(run), ""
    except RunbookError as error:
        return (), " ".join(error.lines())


def _is_cached(run: OpenRun, model: ModelRef) -> bool:
    repo = repo_of(run.cache_dir, model)
    listing = repo.listing(model.revision)
    return listing is not None and all((repo.snapshot(listing.commit) / file.path).exists() for file in listing.files)
