"""What settings stand for: which Hub, which cache, which artifacts folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import platformdirs

from runbook_lib.adapters import environment
from runbook_lib.settings import PRACTICE, Settings


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
    """Return what the settings stand for; starts the practice hub when they ask for it, makes no folder."""
    return ResolvedTarget(
        settings=settings,
        endpoint=_endpoint(settings),
        cache_dir=_place(settings, settings.cache_dir, "hub", environment.hub_cache_dir()),
        artifacts_dir=_place(settings, settings.artifacts_dir, "artifacts", environment.docling_artifacts_dir()),
    )


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
