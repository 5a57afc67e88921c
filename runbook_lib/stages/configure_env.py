"""Stage 2, configure env: plan the variables, with a reason for each, and put them in place for this run."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.version import Version

from runbook_lib.cache.link_mode import LinkMode, choose_links
from runbook_lib.core import atomic
from runbook_lib.quirks.hub_versions import has_race, obeys_variable, remedy_for
from runbook_lib.render.env_files import to_dotenv, to_powershell, to_shell
from runbook_lib.run.check import Change, Check, Status
from runbook_lib.run.environment_plan import EnvironmentPlan, PlannedVariable
from runbook_lib.run.interpreter import InterpreterFacts, collect_interpreter, interpreter_of, packages_of
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord
from runbook_lib.run.settings import Settings
from runbook_lib.run.started_stage import StartedStage
from runbook_lib.run.target import Target
from runbook_lib.stages.detect.facts import DetectFacts
from runbook_lib.system import variables as environment
from runbook_lib.system.filesystem import FolderFacts, LinkProbe, examine_folder

_WRITERS = {"env.sh": to_shell, "env.ps1": to_powershell, ".env": to_dotenv}
_PATIENT_TIMEOUT_S = "30"


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
        return plan_variables(run, facts.folder("cache"), facts.interpreter.hub_version, os.environ)
    return plan_from_scratch(run)


def plan_from_scratch(target: Target) -> EnvironmentPlan:
    """Plan from a look at the cache folder and the interpreter's packages; sets nothing."""
    cache = examine_folder("cache", target.cache_dir)
    return plan_variables(target, cache, packages_of(target.settings).version("huggingface_hub"), os.environ)


def plan_variables(
    target: Target, cache: FolderFacts, hub_version: Version | None, environ: Mapping[str, str]
) -> EnvironmentPlan:
    """Return the plan: a variable is in it only when it has an effect and a reason."""
    choice = choose_links(target.settings.links, cache)
    wanted: list[tuple[str, str, str]] = [
        *_places(target),
        *_endpoint(target.settings),
        *_symlink_switch(choice.mode, cache.symlink, hub_version),
        *_timeouts(target.settings, environ),
        *_offline(target.settings),
        *_windows_text(),
    ]
    return EnvironmentPlan(
        links=choice.mode.value,
        links_reason=choice.reason,
        hub_version=f"huggingface_hub {hub_version or 'missing'}",
        remedy="symlinks work here, so that the race cannot happen" if cache.symlink.works else remedy_for(hub_version),
        variables=tuple(
            PlannedVariable(name=name, before=environment.masked(name, environ.get(name, "")), value=value, reason=why)
            for name, value, why in wanted
        )
        + _session_only(target, environ),
    )


def apply_environment(run: OpenRun, plan: EnvironmentPlan) -> tuple[Change, ...]:
    """Set the variables and write the files; running it again changes nothing more."""
    environment.apply(plan.values())
    lasting = {variable.name: variable.value for variable in plan.variables if variable.in_files}
    for name, write in _WRITERS.items():
        atomic.write_text(run.folder / name, write(lasting))
    changed = tuple(variable for variable in plan.variables if variable.before != variable.value)
    return (
        *(
            Change(what=f"{variable.name} in this process", before=variable.before or "(not set)", after=variable.value)
            for variable in changed
        ),
        *(Change(what=name, before="", after=f"written, {len(lasting)} variables") for name in _WRITERS),
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
            constants.get("ENDPOINT") == run.endpoint,
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


def _places(target: Target) -> Iterator[tuple[str, str, str]]:
    own = bool(target.settings.cache_dir) or target.settings.is_practice or bool(target.settings.drill)
    reason = "the cache this run was told to use" if own else "what huggingface_hub uses anyway, said aloud"
    yield "HF_HUB_CACHE", str(target.cache_dir), reason
    if own:
        yield "HF_XET_CACHE", str(target.cache_dir.parent / "xet"), "moving only the cache would leave the data of Xet"
    yield "DOCLING_ARTIFACTS_PATH", str(target.artifacts_dir), "docling loads models from here and downloads nothing"


def _endpoint(settings: Settings) -> Iterator[tuple[str, str, str]]:
    if settings.hub and not settings.is_practice:
        yield "HF_ENDPOINT", settings.hub, "the mirror this run was told to use"
        yield "HF_HUB_DISABLE_XET", "1", "Xet asks other hosts than the mirror"


def _symlink_switch(mode: LinkMode, symlink: LinkProbe, version: Version | None) -> Iterator[tuple[str, str, str]]:
    if mode is LinkMode.SYMLINK or not obeys_variable(version):
        return
    if symlink.works:
        yield "HF_HUB_DISABLE_SYMLINKS", "1", f"links = {mode.value} although symlinks work here"
    elif symlink.deceives:
        yield "HF_HUB_DISABLE_SYMLINKS", "1", "huggingface_hub reads no link back and would take these for real"
    elif has_race(version):
        yield "HF_HUB_DISABLE_SYMLINKS", "1", f"closes the symlink race of huggingface_hub {version}"


def _timeouts(settings: Settings, environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"):
        given = environ.get(name, "")
        if given and not given.isdigit():
            yield name, _PATIENT_TIMEOUT_S, f"{given!r} is no whole number and breaks the import"
        elif not given and not settings.is_practice:
            yield name, _PATIENT_TIMEOUT_S, "the default of 10 s is short behind a scanning proxy"


def _offline(settings: Settings) -> Iterator[tuple[str, str, str]]:
    if settings.offline:
        yield "HF_HUB_OFFLINE", "1", "this run was told to touch no network"


def _windows_text() -> Iterator[tuple[str, str, str]]:
    if os.name == "nt":
        yield "PYTHONUTF8", "1", "a redirected stdout is cp1252 otherwise and dies of the first foreign letter"


def _session_only(target: Target, environ: Mapping[str, str]) -> tuple[PlannedVariable, ...]:
    if not target.settings.is_practice:
        return ()
    reason = "the practice hub, which lives as long as this process; not written to the files"
    before = environ.get("HF_ENDPOINT", "")
    return (PlannedVariable(name="HF_ENDPOINT", before=before, value=target.endpoint, reason=reason, in_files=False),)
