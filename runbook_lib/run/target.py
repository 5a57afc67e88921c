"""What settings stand for: which Hub, which cache, which artifacts folder."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from runbook_lib.cache.layout import cached_repos
from runbook_lib.core.masking import mask_known, mask_url_credentials
from runbook_lib.errors import LateConfigurationError, SettingsError
from runbook_lib.run.settings import PRACTICE, Settings
from runbook_lib.system import variables as environment
from runbook_lib.system.loopback import is_loopback, reach_loopback_directly
from runbook_lib.system.own_folder import own_cache_dir
from runbook_lib.system.practice_hub import is_practice_hub

if TYPE_CHECKING:
    from runbook_lib.practice.drills.drill import Drill

PRACTICE_WORDS: Final = "Practice: random weights from a practice hub; nothing here is real."


class Target(Protocol):
    """What planning, downloading and configuring work on: a run, or a service that keeps no records."""

    @property
    def settings(self) -> Settings:
        """The settings."""

    @property
    def endpoint(self) -> str:
        """Address of the Hub; may hold a password, so mask it before it is shown."""

    @property
    def cache_dir(self) -> Path:
        """The Hub cache."""

    @property
    def artifacts_dir(self) -> Path:
        """The folder docling loads models from."""

    @property
    def practice(self) -> bool:
        """Whether a practice hub serves the models, whatever address led to it."""


@dataclass(frozen=True)
class ResolvedTarget:
    """A target without a run folder."""

    settings: Settings
    endpoint: str = field(repr=False)
    cache_dir: Path
    artifacts_dir: Path
    practice: bool = False


@dataclass(frozen=True)
class Places:
    """Where a target works, before any hub is started; a run keeps this for all its stages."""

    cache_dir: Path
    artifacts_dir: Path
    practice: bool
    endpoint: str = ""
    """The Hub's address, free of secrets; empty for the built-in hub, which has another one in every process."""


def resolve_target(settings: Settings, places: Places | None = None) -> ResolvedTarget:
    """Look up what the settings stand for; starts nothing, sets nothing, makes no folder.

    The built-in practice hub has no address before the target is entered. `places` are those of the run that is
    continued. Raises `SettingsError` for practice in a folder of real models, and for a run that is continued with
    another Hub.
    """
    places = places or resolve_places(settings)
    _require_same_hub(settings, places)
    endpoint = "" if settings.is_practice else settings.hub or environment.hub_endpoint(environment.as_found())
    return ResolvedTarget(settings, endpoint, places.cache_dir, places.artifacts_dir, places.practice)


def enter_target(target: ResolvedTarget) -> ResolvedTarget:
    """Make this process ready for the target, for as long as it lives; returns the target with the Hub's address.

    Plays the drill, whose variables and denials hold for this process and all it starts, and serves the practice hub.
    A hub on this machine is reached past every proxy from here on. Raises `LateConfigurationError` when another drill
    left this process unable to do so.
    """
    _require_undrilled(target.settings)
    if target.settings.drill:
        drill = _drill_of(target)
        drill.enter()
        _note(drill)
    return _served(target)


@contextmanager
def entered_target(target: ResolvedTarget) -> Iterator[ResolvedTarget]:
    """Make this process ready while the block runs; see `enter_target`.

    The drill's variables are put back at the end. Its denials cannot be lifted, and the practice hub serves until the
    process ends: all that practise in a process share it.
    """
    _require_undrilled(target.settings)
    drill = _drill_of(target) if target.settings.drill else None
    with drill.entered() if drill else nullcontext():
        if drill:
            _note(drill)
        yield _served(target)


def resolve_places(settings: Settings, *, ask: bool = True) -> Places:
    """Return where the settings lead, and whether that is practice: an address on this machine is asked."""
    environ = environment.as_found()
    practice = _is_practice(settings, environ, ask=ask)
    endpoint = "" if settings.is_practice else mask_url_credentials(settings.hub or environment.hub_endpoint(environ))
    if settings.drill:
        return Places(*drill_places(settings), practice, endpoint)
    real = {
        "cache_dir": environment.hub_cache_dir(environ),
        "artifacts_dir": environment.docling_artifacts_dir(environ),
    }
    if practice:
        _require_own_places(settings, real)
    return Places(
        _place(settings.cache_dir, _practice_home("hub") if practice else real["cache_dir"]),
        _place(settings.artifacts_dir, _practice_home("artifacts") if practice else real["artifacts_dir"]),
        practice,
        endpoint,
    )


def _require_same_hub(settings: Settings, places: Places) -> None:
    """Refuse to go on under another HF_ENDPOINT than the run began with; the parameter binds the run anyway."""
    if settings.hub or settings.offline or not places.endpoint:
        return
    now = mask_url_credentials(environment.hub_endpoint(environment.as_found()))
    if now != places.endpoint:
        raise SettingsError(
            f"The run was made with the Hub at {places.endpoint}, and now it would be {now}.",
            why="HF_ENDPOINT has changed since the run began, and all stages of a run share the Hub.",
            remedy="Set HF_ENDPOINT as it was to continue that run, or begin a new one.",
        )


def described(target: Target, run: str = "") -> str:
    """Return in one line what a command works on; what is practice says so first."""
    hub = "built in" if target.settings.is_practice else mask_url_credentials(target.endpoint)
    parts = (
        "practice, random weights" if target.practice else "",
        f"run folder: {run}" if run else "no run folder",
        f"hub {hub}" + (", not asked: offline" if target.settings.offline else ""),
        f"cache {target.cache_dir}",
        f"artifacts {target.artifacts_dir}",
    )
    return mask_known("; ".join(filter(None, parts)))


def drill_places(settings: Settings) -> tuple[Path, Path]:
    """Return cache and artifacts folder of a drill, which never touches those of anybody else."""
    from runbook_lib.practice.drills.catalogue import drill_named

    drill = drill_named(settings.drill)
    drill.require_own_places(settings.cache_dir, settings.artifacts_dir)
    return Path(settings.cache_dir or drill.home / "hub"), Path(settings.artifacts_dir or drill.home / "artifacts")


def _is_practice(settings: Settings, environ: Mapping[str, str], *, ask: bool) -> bool:
    if settings.is_practice or settings.drill:
        return True
    return ask and not settings.offline and is_practice_hub(settings.hub or environment.hub_endpoint(environ))


def _drill_of(target: ResolvedTarget) -> "Drill":
    from runbook_lib.practice.drills.catalogue import drill_named

    return drill_named(target.settings.drill)


def _served(target: ResolvedTarget) -> ResolvedTarget:
    """Return the target with the address of its hub, which is started when it is the built-in one."""
    if target.settings.is_practice:
        target = _with_practice_hub(target)
    if is_loopback(target.endpoint):
        reach_loopback_directly()
    return target


def _with_practice_hub(target: ResolvedTarget) -> ResolvedTarget:
    settings = target.settings
    from runbook_lib.practice.server import running_hub  # the hub of a run lives as long as the process that opened it

    is_warm = any(cached_repos(target.cache_dir))
    knobs = _drill_of(target).knobs(target.cache_dir, is_warm=is_warm) if settings.drill else {}
    hub = running_hub(pad_bytes=settings.practice_pad_mb * 1_000_000, head=settings.practice_head, **knobs)
    return replace(target, endpoint=hub.url)


_for_good: set[str] = set()
"""Drills whose denials this process cannot lift again."""


def _note(drill: "Drill") -> None:
    if drill.denies:
        _for_good.add(drill.name)


def _require_undrilled(settings: Settings) -> None:
    if others := _for_good - {settings.drill}:
        raise LateConfigurationError(
            f"This process plays the drill {min(others)}, whose denials cannot be lifted again.",
            why="What a drill denies is denied by the system, for as long as the process lives.",
            remedy="Restart the kernel and open the run again.",
        )


def _require_own_places(settings: Settings, real: Mapping[str, Path]) -> None:
    """Refuse the folders that every client on this machine takes its models from."""
    for name, place in real.items():
        given = getattr(settings, name)
        if given and os.path.realpath(given) == os.path.realpath(place):
            raise SettingsError(
                f"Practice models may not go to {given}.",
                why="They are random weights under the names of real models, and clients on this machine load from"
                " there.",
                remedy=f"Leave {name} out: practice has folders of its own. Or name a folder for practice alone.",
            )


def _place(given: str, default: Path) -> Path:
    return Path(given).expanduser().absolute() if given else default.absolute()


def _practice_home(name: str) -> Path:
    return own_cache_dir() / PRACTICE / name
