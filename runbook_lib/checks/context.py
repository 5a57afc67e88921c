"""What is under examination, and the looks at it that several probes judge."""

import platform
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar, cast

from runbook_lib.cache.layout import repo_of
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import DeadlineExceeded
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.run.interpreter import InterpreterFacts
from runbook_lib.run.settings import Settings
from runbook_lib.system.filesystem import FolderFacts, examine_folder
from runbook_lib.system.loopback import as_before_reaching
from runbook_lib.system.network import NetworkFacts, examine_network
from runbook_lib.system.packages import SitePackages

LOOK_LIMIT_S: Final = 30.0
"""A look ends in milliseconds, or hangs with its network drive."""
_ANY_MODEL: Final = "docling-project/docling-models"

T = TypeVar("T")


@dataclass(frozen=True)
class _Looks:
    """Looks that are taken once, however many ask at the same time."""

    _guard: Lock = field(default_factory=Lock)
    _taken: dict[str, "Future[Any]"] = field(default_factory=dict)

    def take(self, name: str, look: Callable[[], T], limit_s: float = LOOK_LIMIT_S) -> T:
        """Return what the look returned or raise what it raised; `DeadlineExceeded` for who waited for it in vain."""
        with self._guard:
            future = self._taken.get(name)
            first = future is None
            if future is None:
                future = self._taken[name] = Future()
        if first:
            try:
                future.set_result(look())
            except BaseException as error:  # noqa: BLE001 - raised again below, and for everybody who waits
                future.set_exception(error)
        try:
            return cast("T", future.result(limit_s))
        except TimeoutError:
            if future.done():  # the look's own
                raise
            raise DeadlineExceeded(f"Looking at the {name}", limit_s) from None


@dataclass(frozen=True)
class ProbeContext:
    """What is under examination: places, variables and packages, known before any probe runs."""

    settings: Settings
    endpoint: str = field(repr=False)
    cache_dir: Path
    artifacts_dir: Path
    packages: SitePackages
    """Of the interpreter under examination."""
    models: tuple[ModelRef, ...] = ()
    wanted: Wanted = field(default_factory=Wanted)
    """What docling's pipeline takes, as far as docling was asked; `models` are its repositories."""
    """The models that are needed; empty when that is not known."""
    practice: bool = False
    """Whether a practice hub serves the models."""
    models_problem: str = ""
    """Why docling could not name them; empty when it did or was not asked."""
    run_folder: Path | None = None
    """The folder of the run; None outside of one."""
    interpreter: InterpreterFacts | None = None
    """What the interpreter told, which imports huggingface_hub there; None when it was not asked."""
    environ: Mapping[str, str] = field(default_factory=as_before_reaching, repr=False)
    system: str = field(default_factory=platform.system)
    _looks: _Looks = field(default_factory=_Looks, repr=False, compare=False)

    @property
    def places(self) -> dict[str, Path]:
        """The folders under examination by what they are for."""
        run = {"run": self.run_folder} if self.run_folder else {}
        return {"cache": self.cache_dir, "artifacts": self.artifacts_dir, **run}

    def folder(self, role: str) -> FolderFacts:
        """Return what one of the places can do, as tried."""
        return self._looks.take(f"{role} folder", lambda: examine_folder(role, self.places[role]))

    def network(self) -> NetworkFacts | None:
        """Return how far the way to the Hub is open, as walked; None in offline mode."""
        if self.settings.offline:
            return None
        repo_id = self.models[0].repo_id if self.models else _ANY_MODEL
        limit_s = self.settings.probe_limit_s
        walk_limit_s = 4 * limit_s + LOOK_LIMIT_S  # four steps, and loading the client on a busy machine
        return self._looks.take("network", lambda: examine_network(self.endpoint, repo_id, limit_s), walk_limit_s)

    def models_are_cached(self) -> bool:
        """Whether the cache holds every file of every model in its full length, by the listings that it keeps."""
        return bool(self.models) and all(map(self._is_cached, self.models))

    def _is_cached(self, model: ModelRef) -> bool:
        repo = repo_of(self.cache_dir, model)
        listing = repo.listing(model.revision)
        return listing is not None and not repo.missing(listing)
