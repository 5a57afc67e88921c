"""What settings stand for: which Hub, which cache, which artifacts folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runbook_lib.cache.layout import cached_repos
from runbook_lib.run.settings import PRACTICE, Settings
from runbook_lib.system import variables as environment
from runbook_lib.system.loopback import is_loopback, reach_loopback_directly
from runbook_lib.system.own_folder import own_cache_dir


class Target(Protocol):
    """What planning, downloading and configuring work on: a run, or a service that keeps no records."""

    @property
    def settings(self) -> Settings:
        """The settings."""

    @property
    def endpoint(self) -> str:
        """Address of the Hub."""

    @property
    def cache_dir(self) -> Path:
        """The Hub cache."""

    @property
    def artifacts_dir(self) -> Path:
        """The folder docling loads models from."""


@dataclass(frozen=True)
class ResolvedTarget:
    """A target without a run folder."""

    settings: Settings
    endpoint: str
    cache_dir: Path
    artifacts_dir: Path


def resolve_target(settings: Settings) -> ResolvedTarget:
    """Return what the settings stand for; starts the practice hub when they ask for it, makes no folder.

    A drill is played from here on: its variables and denials hold for this process and all it starts. So does a way
    past every proxy to a hub on this machine.
    """
    cache_dir, artifacts_dir = drill_places(settings) if settings.drill else _places(settings)
    endpoint = _endpoint(settings, cache_dir)
    if is_loopback(endpoint):
        reach_loopback_directly()
    return ResolvedTarget(settings, endpoint, cache_dir, artifacts_dir)


def drill_places(settings: Settings) -> tuple[Path, Path]:
    """Return cache and artifacts folder of a drill, which never touches those of anybody else."""
    from runbook_lib.practice.drills.catalogue import drill_named

    drill = drill_named(settings.drill)
    drill.require_own_places(settings.cache_dir, settings.artifacts_dir)
    return Path(settings.cache_dir or drill.home / "hub"), Path(settings.artifacts_dir or drill.home / "artifacts")


def _places(settings: Settings) -> tuple[Path, Path]:
    return (
        _place(settings, settings.cache_dir, "hub", environment.hub_cache_dir()),
        _place(settings, settings.artifacts_dir, "artifacts", environment.docling_artifacts_dir()),
    )


def _endpoint(settings: Settings, cache_dir: Path) -> str:
    knobs = _enter_drill(settings, cache_dir) if settings.drill else {}
    if not settings.is_practice:
        return settings.hub or environment.hub_endpoint()
    from runbook_lib.practice.server import running_hub  # the hub of a run lives as long as the process that opened it

    return running_hub(pad_bytes=settings.practice_pad_mb * 1_000_000, head=settings.practice_head, **knobs).url


def _enter_drill(settings: Settings, cache_dir: Path) -> dict[str, object]:
    """Play a drill in this process; returns how its hub misbehaves, nothing when a mirror is asked."""
    from runbook_lib.practice.drills.catalogue import drill_named

    drill = drill_named(settings.drill)
    drill.enter()
    return drill.knobs(cache_dir, is_warm=any(cached_repos(cache_dir))) if settings.is_practice else {}


def _place(settings: Settings, given: str, name: str, default: Path) -> Path:
    """Return the folder asked for; practice never touches the places real models are kept in."""
    if given:
        return Path(given).expanduser().absolute()
    if settings.is_practice:
        return own_cache_dir() / PRACTICE / name
    return default.absolute()
