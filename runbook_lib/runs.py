"""Opens a run: settings, folder, places and the planned environment, in one call."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

import platformdirs

from runbook_lib.adapters import environment
from runbook_lib.adapters.environment import EnvironmentPlan
from runbook_lib.errors import SettingsError
from runbook_lib.records import Run
from runbook_lib.render import Note, Rendered, Section
from runbook_lib.settings import PRACTICE, ResolvedSettings, Settings, resolve_settings

RUNS = Path("runs")
BINDING = ("hub", "models", "cache_dir", "artifacts_dir", "links", "target_python", "practice_pad_mb")
"""Settings that all stages of a run share: another value means another run."""


@dataclass(frozen=True)
class OpenRun(Rendered, Run):
    """A run folder together with its settings and the places they stand for."""

    resolved: ResolvedSettings
    endpoint: str
    cache_dir: Path
    artifacts_dir: Path

    @property
    def settings(self) -> Settings:
        """The settings of this stage."""
        return self.resolved.values

    def sections(self) -> Sequence[Section]:
        """Return where the run stands, and its settings."""
        return (Note("Run", (f"Records are kept in {self.folder}.",)), *self.resolved.sections())


def open_run(*, new: bool = False, **parameters: object) -> OpenRun:
    """Continue the run in `run_dir`, or the newest under runs/ unless a `new` one is wanted, or start one.

    Applies the environment that configure_env planned for the run, so call it before anything imports
    huggingface_hub. Raises `SettingsError` for parameters that cannot be used or that contradict the run in `run_dir`,
    and `LateConfigurationError` when it is too late for the environment.
    """
    resolved = resolve_settings(parameters)
    explicit = resolved.values.run_dir
    folder = Path(explicit) if explicit else None if new else _newest()
    if folder is not None and Run(folder).exists:
        continued = _continued(Run(folder), parameters)
        if continued is not None:
            return _opened(folder, continued)
        if explicit:
            raise _contradiction(Run(folder), parameters)
    return start_run(resolved)


def start_run(resolved: ResolvedSettings) -> OpenRun:
    """Start a new run in `run_dir`, or in a new folder under runs/."""
    folder = Path(resolved.values.run_dir) if resolved.values.run_dir else RUNS / _new_name()
    run = Run.create(folder, resolved.values.model_dump(mode="json"), resolved.origins)
    return _opened(run.folder, resolved)


def _opened(folder: Path, resolved: ResolvedSettings) -> OpenRun:
    settings = resolved.values
    run = OpenRun(
        folder=folder,
        resolved=resolved,
        endpoint=_endpoint(settings),
        cache_dir=_place(settings, settings.cache_dir, "hub", environment.hub_cache_dir()),
        artifacts_dir=_place(settings, settings.artifacts_dir, "artifacts", environment.docling_artifacts_dir()),
    )
    if run.has("configure_env"):
        environment.apply(run.read("configure_env", EnvironmentPlan).facts.values() | {"HF_ENDPOINT": run.endpoint})
    return run


def _continued(run: Run, parameters: dict[str, object]) -> ResolvedSettings | None:
    """Resolve the settings on top of the run's own; None when a binding one differs."""
    header = run.header()
    resolved = resolve_settings(parameters, run=header.settings)
    differs = any(getattr(resolved.values, name) != header.settings.get(name) for name in BINDING)
    return None if differs else resolved


def _contradiction(run: Run, parameters: dict[str, object]) -> SettingsError:
    settings = run.header().settings
    name = next(name for name in BINDING if name in parameters and parameters[name] != settings.get(name))
    return SettingsError(
        f"The run in {run.folder} was made with {name} = {settings.get(name)!r}, not {parameters[name]!r}.",
        why="All stages of a run share this setting.",
        remedy="Leave the parameter out to continue that run, or give another run_dir to start a new one.",
    )


def _newest() -> Path | None:
    candidates = sorted(path.parent for path in RUNS.glob("*/run.json"))
    return candidates[-1] if candidates else None


def _new_name() -> str:
    host = re.sub(r"[^A-Za-z0-9-]+", "-", gethostname())[:40]
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z-{host}"


def _endpoint(settings: Settings) -> str:
    if not settings.is_practice:
        return settings.hub or environment.hub_endpoint()
    from runbook_lib.practice import running_hub  # the hub of a run lives as long as the process that opened it

    return running_hub(pad_bytes=settings.practice_pad_mb * 1_000_000, head=settings.practice_head).url


def _place(settings: Settings, given: str, name: str, default: Path) -> Path:
    """Return the folder asked for; practice never touches the places real models are kept in."""
    if given:
        return Path(given).expanduser().absolute()
    if settings.is_practice:
        return platformdirs.user_cache_path("docling-runbook") / PRACTICE / name
    return default.absolute()
