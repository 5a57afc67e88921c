"""Opens a run: settings, folder, places and the planned environment, in one call."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

from runbook_lib.core.log import log_to_folder
from runbook_lib.errors import SettingsError
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section
from runbook_lib.run.environment_plan import EnvironmentPlan
from runbook_lib.run.folder import Run, RunHeader, runs_below
from runbook_lib.run.settings import ResolvedSettings, Settings, resolve_settings
from runbook_lib.run.target import resolve_target
from runbook_lib.system import variables as environment

_log = logging.getLogger(__name__)

RUNS = Path("runs")
BINDING = ("hub", "models", "cache_dir", "artifacts_dir", "links", "target_python", "practice_pad_mb", "drill")
"""Settings that all stages of a run share: another value means another run."""


@dataclass(frozen=True)
class PreparedRun(Run):
    """A run folder together with its settings."""

    resolved: ResolvedSettings

    @property
    def settings(self) -> Settings:
        """The settings of this stage."""
        return self.resolved.values


@dataclass(frozen=True)
class OpenRun(Rendered, PreparedRun):
    """A prepared run together with the places its settings stand for."""

    endpoint: str
    cache_dir: Path
    artifacts_dir: Path

    def sections(self) -> Sequence[Section]:
        """Return where the run stands, and its settings."""
        return (Note("Run", (f"Records are kept in {self.folder}.",)), *self.resolved.sections())


def open_run(*, new: bool = False, **parameters: object) -> OpenRun:
    """Continue the run in `run_dir`, or the newest under runs/ unless a `new` one is wanted, or start one.

    Applies the environment that configure_env planned for the run, so call it before anything imports
    huggingface_hub. Raises `SettingsError` for parameters that cannot be used or that contradict the run in `run_dir`,
    and `LateConfigurationError` when it is too late for the environment.
    """
    prepared = prepare_run(parameters, new=new)
    target = resolve_target(prepared.settings)
    run = OpenRun(
        folder=prepared.folder,
        resolved=prepared.resolved,
        endpoint=target.endpoint,
        cache_dir=target.cache_dir,
        artifacts_dir=target.artifacts_dir,
    )
    log_to_folder(run.folder)
    _log.info("open: hub %s, cache %s, artifacts %s", run.endpoint, run.cache_dir, run.artifacts_dir)
    if run.has("configure_env"):
        environment.apply(_recorded_environment(run))
    return run


def _recorded_environment(run: OpenRun) -> dict[str, str]:
    """Return what stage configure_env planned; `offline` and the practice hub's port may be others by now."""
    planned = run.read("configure_env", EnvironmentPlan).facts.values()
    if not run.settings.offline:
        planned.pop("HF_HUB_OFFLINE", None)
    return planned | {"HF_ENDPOINT": run.endpoint}


def prepare_run(parameters: Mapping[str, object], *, new: bool = False, explicit: bool = False) -> PreparedRun:
    """Find or make the run folder and resolve its settings; starts nothing and sets no variable.

    `explicit` parameters were each given by a person; see `resolve_settings`.
    """
    resolved = resolve_settings(parameters, explicit=explicit)
    named = resolved.values.run_dir
    folder = Path(named) if named else None if new else _newest()
    if folder is not None and Run(folder).exists:
        header = Run(folder).header()
        continued = resolve_settings(parameters, run=header.settings, explicit=explicit)
        differing = _differing(continued.values, header)
        if not differing:
            return PreparedRun(folder, continued)
        if named:
            raise _contradiction(folder, differing[0], continued.values, header)
    folder = Path(named) if named else RUNS.absolute() / _new_name()
    Run.create(folder, resolved.values.model_dump(mode="json"), resolved.origins)
    return PreparedRun(folder, resolved)


def _differing(settings: Settings, header: RunHeader) -> tuple[str, ...]:
    """Return the binding settings that are others than the run was made with."""
    return tuple(name for name in BINDING if getattr(settings, name) != header.settings.get(name))


def _contradiction(folder: Path, name: str, settings: Settings, header: RunHeader) -> SettingsError:
    return SettingsError(
        f"The run in {folder} was made with {name} = {header.settings.get(name)!r}, not {getattr(settings, name)!r}.",
        why="All stages of a run share this setting.",
        remedy="Leave the parameter out to continue that run, or give another run_dir to start a new one.",
    )


def _newest() -> Path | None:
    return next((run.folder for run in runs_below(RUNS.absolute())), None)


def _new_name() -> str:
    host = re.sub(r"[^A-Za-z0-9-]+", "-", gethostname())[:40]
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z-{host}"
