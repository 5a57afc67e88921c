"""What a breakage drill is, and how a process plays it."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.errors import SettingsError
from runbook_lib.practice.faults import Fault
from runbook_lib.practice.repository import Repository
from runbook_lib.system.own_folder import own_cache_dir
from runbook_lib.system.variables import applied, apply


def nothing(home: Path) -> None:
    """Lay nothing out: an empty folder is all the drill needs."""


@dataclass(frozen=True)
class Drill:
    """A run that fails as in life and is fixed by what its output says.

    The fault does not go away by itself: what the output names works because it would work in life.
    """

    name: str
    title: str
    seen: str
    """What the engineer sees."""
    played: str
    """How it is played, and what of it is real."""
    stage: str
    """The stage that fails."""
    fixed: str
    """What fixes it, in the words of the output."""
    parameters: tuple[tuple[str, str], ...] = ()
    """What whoever set this machine up asked for; the engineer's own parameters win."""
    faults: tuple[Fault, ...] = ()
    cold_only: bool = False
    """Whether the hub misbehaves only until something has been downloaded: the bad line was bad once."""
    fills_cache: bool = False
    """Whether the models stand in the cache when the run begins."""
    loses: Callable[[Path], None] = nothing
    """Takes away from a cache that was filled what it came without."""
    takes_places: bool = False
    """Whether the engineer may name folders of their own; they are never damaged."""
    lay_out: Callable[[Path], None] = nothing
    """Puts into the fresh folder what the machine is found with."""
    variables: Callable[[Path], Mapping[str, str]] = lambda _home: {}
    """Variables of the machine, for the processes of the run; an empty value removes one."""
    deny: Callable[[Path], None] = nothing
    """Takes a privilege from this process; cannot be undone."""
    answers: Callable[[Path], Mapping[str, str]] = lambda _home: {}
    """What a setting that the output asks for can be on this machine, where a person would have to fill it in."""
    beside: tuple[str, ...] = ()
    """The command that has to be at work in a second terminal for that."""
    repositories: Callable[[Path], tuple[Repository, ...]] | None = None
    """What the hub serves in place of the practice models, as long as the cache is the drill's own."""

    @property
    def home(self) -> Path:
        """The drill's own folder: cache, artifacts and all; no drill writes outside of it."""
        return own_cache_dir() / "drills" / self.name

    def begin(self) -> None:
        """Make the folder afresh, whatever an earlier run of the drill left in it."""
        if self.home.exists():
            shutil.rmtree(self.home)
        self.home.mkdir(parents=True)
        self.lay_out(self.home)

    def enter(self) -> None:
        """Put this process, and what it starts, on the machine of the drill: its variables and its denials.

        Makes the folder where no run has begun the drill yet.

        Raises:
            PracticeError: The drill cannot be played on this system.
        """
        self._require_home()
        apply(self.variables(self.home))
        self.deny(self.home)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Do so while the block runs. Variables are put back at its end; denials cannot be."""
        self._require_home()
        with applied(self.variables(self.home)):
            self.deny(self.home)
            yield

    def _require_home(self) -> None:
        if not self.home.exists():
            self.begin()

    @property
    def denies(self) -> bool:
        """Whether the drill takes something from the process that cannot be given back."""
        return self.deny is not nothing

    def require_own_places(self, cache_dir: str, artifacts_dir: str) -> None:
        """Refuse folders that the drill could damage.

        Raises:
            SettingsError: The drill does its damage in the cache, and another than its own was named.
        """
        if (cache_dir or artifacts_dir) and not self.takes_places:
            raise SettingsError(
                f"Drill {self.name} works only in its own folders.",
                why="It would damage what is in the cache or artifacts folder that was named.",
                remedy="Leave out cache_dir and artifacts_dir, and unset RUNBOOK_CACHE_DIR and RUNBOOK_ARTIFACTS_DIR.",
            )

    def knobs(self, cache_dir: Path, *, is_warm: bool) -> dict[str, object]:
        """Return the arguments of `PracticeHub` for a run on this cache; `is_warm`: a model is in it already."""
        own = cache_dir.is_relative_to(self.home)
        knobs: dict[str, object] = {"faults": () if self.cold_only and is_warm else self.faults}
        if self.repositories is not None and own:
            knobs["repositories"] = self.repositories(self.home)
        return knobs
