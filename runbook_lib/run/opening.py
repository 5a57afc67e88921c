"""Opens a run: settings, folder, places and the planned environment, in one call."""

import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

from pydantic import JsonValue

from runbook_lib.core.log import log_to_folder
from runbook_lib.core.masking import mask_known, mask_url_credentials
from runbook_lib.errors import RecordError, SettingsError
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section
from runbook_lib.run.environment_plan import EnvironmentPlan
from runbook_lib.run.folder import HEADER_NAME, Run, RunHeader, runs_below
from runbook_lib.run.presence import stay_in
from runbook_lib.run.setting_sources import FORM, ResolvedSettings, in_current_names, resolve_settings
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import PRACTICE_WORDS, Places, described, enter_target, resolve_places, resolve_target
from runbook_lib.system import variables as environment
from runbook_lib.system.progress import HEADLESS_VARIABLE

_log = logging.getLogger(__name__)

RUNS = Path("runs")
NO_FOLDER = RUNS / "none"
"""Where a command without a run would find records: never made, so that there are none."""
_TOLD_ANYWAY = ("run_dir", "hub", "cache_dir", "artifacts_dir")
"""Settings that stand in the words of a run."""
BINDING = (
    "hub",
    "models",
    "pipeline",
    "cache_dir",
    "artifacts_dir",
    "links",
    "target_python",
    "practice_pad_mb",
    "drill",
)
"""Settings that all stages of a run share: another value means another run."""


@dataclass(frozen=True)
class PreparedRun(Run):
    """A run folder together with its settings."""

    resolved: ResolvedSettings
    told: str = field(default="", kw_only=True)
    """Why this is not the run that might have been expected."""

    @property
    def settings(self) -> Settings:
        """The settings of this stage."""
        return self.resolved.values


@dataclass(frozen=True)
class OpenRun(Rendered, PreparedRun):
    """A prepared run together with the places its settings stand for."""

    endpoint: str = field(repr=False)
    cache_dir: Path
    artifacts_dir: Path
    practice: bool = False

    def sections(self) -> Sequence[Section]:
        """Return what the run works on, and its settings."""
        changed = self.resolved.changed(leave_out=_TOLD_ANYWAY)
        line = f"Settings that are not defaults: {changed}." if changed else "All other settings are defaults."
        return (Note("Run", (*self.words(), mask_known(line))), *self.resolved.sections())

    def words(self) -> tuple[str, ...]:
        """Return which run, hub, cache and artifacts folder this is, a line each; practice first."""
        practice = (PRACTICE_WORDS,) if self.practice else ()
        places = (f"Hub: {self.hub_words}", f"Cache: {self.cache_dir}", f"Artifacts: {self.artifacts_dir}")
        words = (*practice, f"Records are kept in {self.folder}.", *filter(None, (self.told,)), *places)
        return tuple(map(mask_known, words))

    @property
    def hub_words(self) -> str:
        """The Hub's address, free of secrets; the practice hub's changes with every process and is not shown."""
        if self.settings.is_practice:
            return "the built-in practice hub"
        offline = ", which is not asked: offline" if self.settings.offline else ""
        return f"{mask_url_credentials(self.endpoint)}{offline}"


def open_chosen(parameters: Mapping[str, object]) -> OpenRun:
    """Open the run that a form asks for: each value was chosen, and the next notebooks take them over.

    Without `run_dir` a new run begins. Raises as `open_run` does.
    """
    return _open(prepare_run(parameters, new=True, explicit=FORM))


def open_run(*, new: bool = False, **parameters: object) -> OpenRun:
    """Continue the run in `run_dir`, or the newest under runs/ unless a `new` one is wanted, or start one.

    Applies the environment that configure_env planned for the run, so call it before anything imports
    huggingface_hub; what another run set in this process is put back first. Raises `SettingsError` for parameters that
    cannot be used or that contradict the run in `run_dir`, `DiskError` when its folder cannot be written, and
    `LateConfigurationError` when it is too late for the environment.
    """
    return _open(prepare_run(parameters, new=new))


def _open(prepared: PreparedRun) -> OpenRun:
    environment.put_back()
    run = opened(prepared)
    if not os.environ.get(HEADLESS_VARIABLE):  # else the command that started this kernel holds the run
        stay_in(run.folder)
    log_to_folder(run.folder)
    _log.info("open: %s", described(run, str(run.folder)))
    environment.apply(_recorded_environment(run) if run.has("configure_env") else {})
    return run


def open_target(parameters: Mapping[str, object], *, recorded: bool = False) -> OpenRun:
    """Open what a command works on: the run that is named, or the settings alone.

    The parameters were each given by a person, and nothing is taken from a run that is not named. Without a named run
    there is no folder and no record, unless what is done is to be `recorded`: then a new run begins. Raises
    `RecordError` when the folder named holds no run.
    """
    resolved = resolve_settings(parameters, explicit=True)
    named = resolved.values.run_dir
    if named:
        require_run(Path(named))
    if not (named or recorded):
        return opened(PreparedRun(NO_FOLDER, resolved))
    run = opened(prepare_run(parameters, new=True, explicit=True))
    stay_in(run.folder)
    log_to_folder(run.folder)
    _log.info("open: %s", described(run, str(run.folder)))
    if run.has("configure_env"):
        environment.apply(_recorded_environment(run))
    return run


def opened(prepared: PreparedRun) -> OpenRun:
    """Join a prepared run with its places; starts the practice hub when the settings ask for it."""
    target = enter_target(resolve_target(prepared.settings, places_of(prepared)))
    return OpenRun(
        folder=prepared.folder,
        resolved=prepared.resolved,
        told=prepared.told,
        endpoint=target.endpoint,
        cache_dir=target.cache_dir,
        artifacts_dir=target.artifacts_dir,
        practice=target.practice,
    )


def require_run(folder: Path) -> None:
    """Raise `RecordError` unless the folder holds a run: a name with a typo must not begin another one."""
    if not Run(folder).exists:
        raise RecordError(
            f"There is no run in {folder}.",
            why=f"It holds no {HEADER_NAME}.",
            remedy="Name the folder of a run; runs are kept below runs/, and each names its folder when it begins.",
        )


def places_of(prepared: Run) -> Places | None:
    """Return where the run has worked so far; None where it was not kept, or there is no run."""
    if not prepared.exists:
        return None
    header = prepared.header()
    if not (header.cache_dir and header.artifacts_dir):
        return None
    return Places(Path(header.cache_dir), Path(header.artifacts_dir), header.practice, header.endpoint)


def _recorded_environment(run: OpenRun) -> dict[str, str]:
    """Return what stage configure_env planned; `offline` and the practice hub's port may be others by now."""
    planned = run.read("configure_env", EnvironmentPlan).facts.values()
    if not run.settings.offline:
        planned.pop("HF_HUB_OFFLINE", None)
    return planned | {"HF_ENDPOINT": run.endpoint}


def prepare_run(parameters: Mapping[str, object], *, new: bool = False, explicit: bool | str = False) -> PreparedRun:
    """Find or make the run folder and resolve its settings; starts nothing and sets no variable.

    `explicit` parameters were each given by a person; see `resolve_settings`. Others are those of a notebook, which
    takes over what was chosen in the form of the newest run.
    """
    chosen = {} if explicit else _chosen()
    resolved = resolve_settings(parameters, chosen=chosen, explicit=explicit)
    named = resolved.values.run_dir
    folder = Path(named) if named else None if new else _newest()
    told = _taken_over(chosen, resolved)
    if folder is not None and Run(folder).exists:
        header = Run(folder).header()
        continued = resolve_settings(parameters, run=header.settings, explicit=explicit)
        differing = _differing(continued.values, header)
        if not differing:
            return PreparedRun(folder, continued)
        if named:
            raise _contradiction(folder, differing[0], continued.values, header)
        told = _another(folder, differing[0], resolved.values, header)
    folder = Path(named) if named else RUNS.absolute() / _new_name()
    places = resolve_places(resolved.values)
    Run.create(folder, resolved.values.model_dump(mode="json"), resolved.origins, places)
    return PreparedRun(folder, resolved, told=told)


def _chosen() -> dict[str, JsonValue]:
    """Return what was chosen in the form of 00_start_here, as the newest run tells; empty without one."""
    newest = _newest()
    try:
        header = Run(newest).header() if newest else None
    except RecordError:  # an older runbook's, or damaged: opening it says so, beginning another does not matter
        return {}
    if header is None:
        return {}
    return {
        name: header.settings[name] for name, origin in header.origins.items() if origin == FORM and name != "run_dir"
    }


def _taken_over(chosen: Mapping[str, JsonValue], resolved: ResolvedSettings) -> str:
    names = [name for name in chosen if resolved.origins[name] == FORM]
    words = ", ".join(f"{name} = {getattr(resolved.values, name)!r}" for name in names)
    return f"Chosen in the form of 00_start_here: {words}." if words else ""


def _another(newest: Path, name: str, settings: Settings, header: RunHeader) -> str:
    """Say that the newest run is not continued, and which hub that means: practice must not be left without a word."""
    changed = dict.fromkeys((name, "hub"))
    words = "; ".join(
        f"{key} was {header.settings.get(key)!r} and is {getattr(settings, key)!r} now"
        for key in changed
        if header.settings.get(key) != getattr(settings, key)
    )
    return f"This is a new run, not {newest.name}: {words}."


def _differing(settings: Settings, header: RunHeader) -> tuple[str, ...]:
    """Return the binding settings that are others than the run was made with."""
    made_with = in_current_names(header.settings)
    return tuple(name for name in BINDING if getattr(settings, name) != made_with.get(name, _default_of(name)))


def _default_of(name: str) -> object:
    """Return what a run that is older than the setting was made with."""
    return Settings.model_fields[name].default


def _contradiction(folder: Path, name: str, settings: Settings, header: RunHeader) -> SettingsError:
    return SettingsError(
        f"The run in {folder} was made with {name} = {in_current_names(header.settings).get(name)!r}, not "
        f"{getattr(settings, name)!r}.",
        why="All stages of a run share this setting.",
        remedy="Leave the parameter out to continue that run, or give another run_dir to start a new one.",
    )


def _newest() -> Path | None:
    return next((run.folder for run in runs_below(RUNS.absolute())), None)


def _new_name() -> str:
    host = re.sub(r"[^A-Za-z0-9-]+", "-", gethostname())[:40]
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z-{host}"
