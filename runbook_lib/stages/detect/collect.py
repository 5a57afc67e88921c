"""The looking of stage detect."""

from runbook_lib.cache.layout import repo_of
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import RunbookError
from runbook_lib.run.interpreter import collect_interpreter, collect_models, interpreter_of
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.detect.facts import DetectFacts
from runbook_lib.system.filesystem import examine_folder
from runbook_lib.system.machine import examine_machine
from runbook_lib.system.network import examine_network
from runbook_lib.system.variables import variables_of_interest


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
