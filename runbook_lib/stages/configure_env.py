"""Stage 2, configure env: plan the variables, with a reason for each, and put them in place for this run."""

import os
from pathlib import Path

from runbook_lib.cache.link_mode import LinkMode
from runbook_lib.core.masking import mask_url_credentials
from runbook_lib.quirks.hub_versions import has_race, obeys_variable, remedy_for
from runbook_lib.run.check import Change, Check, Status
from runbook_lib.run.environment_plan import EnvironmentPlan, env_files, plan_from_scratch, plan_variables
from runbook_lib.run.interpreter import InterpreterFacts, collect_interpreter, interpreter_of
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord
from runbook_lib.run.started_stage import StartedStage
from runbook_lib.stages.detect import DetectFacts
from runbook_lib.system import variables as environment


def configure_env(run: OpenRun, plan: EnvironmentPlan | None = None) -> StageRecord[EnvironmentPlan]:
    """Write `env.sh`, `env.ps1` and `.env` into the run folder and set the variables in this process.

    Changes nothing outside the run folder and this process; the files are for the service's own start. Raises
    `LateConfigurationError` when huggingface_hub was imported already under other values.
    """
    stage = StartedStage(run, "configure_env")
    plan = plan or plan_environment(run)
    changes = apply_environment(run, plan)
    effective = collect_interpreter(interpreter_of(run, plan.values()))
    return stage.finish(plan, judge_environment(run, plan, effective), changes=changes)


def plan_environment(run: OpenRun) -> EnvironmentPlan:
    """Plan from what stage detect saw, or from scratch when it has not run; sets nothing."""
    if run.has("detect"):
        facts = run.read("detect", DetectFacts).facts
        found, cache = facts.interpreter, facts.folder("cache")
        return plan_variables(run, cache, found.hub_version, environment.as_found(), xet_version=found.xet_version)
    return plan_from_scratch(run)


def apply_environment(run: OpenRun, plan: EnvironmentPlan) -> tuple[Change, ...]:
    """Set the variables and write the files; running it again changes nothing more."""
    changed = tuple(entry for entry in plan.variables if os.environ.get(entry.name) != entry.value)
    environment.apply(plan.values())
    files = env_files(plan)
    for name, text in files.items():
        run.add_artifact(name, text.encode(), name)
    return (
        *(
            Change(what=f"{variable.name} in this process", before=variable.before or "(not set)", after=variable.value)
            for variable in changed
        ),
        *(Change(what=name, before="", after=f"written, {len(plan.lasting())} variables") for name in files),
    )


def judge_environment(run: OpenRun, plan: EnvironmentPlan, effective: InterpreterFacts) -> tuple[Check, ...]:
    """Compare the plan with what the interpreter's huggingface_hub makes of it."""
    constants = effective.hub_constants
    seen = str(constants.get("HF_HUB_CACHE"))
    version = effective.hub_version
    switched_off = bool(constants.get("HF_HUB_DISABLE_SYMLINKS"))
    return (
        Check.judged(
            "cache-in-effect",
            "huggingface_hub uses the planned cache",
            Path(seen) == run.cache_dir,
            f"HF_HUB_CACHE is {seen}",
            remedy="Unset HF_HOME, HUGGINGFACE_HUB_CACHE and XDG_CACHE_HOME where they are set, then run again.",
            quirk="cache-location-confusion",
        ),
        Check.judged(
            "endpoint-in-effect",
            "huggingface_hub asks the planned endpoint",
            constants.get("ENDPOINT") == mask_url_credentials(run.endpoint),
            f"ENDPOINT is {constants.get('ENDPOINT')}",
            remedy="Unset HF_ENDPOINT where it is set, then run again.",
        ),
        Check.judged(
            "symlink-race-closed",
            "downloads cannot die of a refused symlink",
            plan.links == LinkMode.SYMLINK or switched_off or not has_race(version),
            f"{plan.hub_version}; {plan.remedy}",
            otherwise=Status.FAIL if obeys_variable(version) else Status.WARN,
            remedy=f"Stage download is safe; a service that downloads by itself is not: {remedy_for(version)}.",
            quirk="quirk-001",
        ),
    )
