"""The race of Quirk-001, made to happen where it can do no harm."""

from collections.abc import Sequence
from typing import Final

from runbook_lib.core.value import Value
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.run.interpreter import interpreter_of
from runbook_lib.run.opening import OpenRun

TRIES = 40
_LIMIT_S = 120.0
_PLAYERS: Final = {
    "before": "a simulation of huggingface_hub 1.32 and before",
    "after": "the same simulation with the order of 1.33",
}


class Race(Rendered, Value):
    """What the race came to."""

    lost: dict[str, int]
    """Player -> how many of the tries died: `before`, `after` and, where it is installed, `installed`."""
    tries: int
    threads: int
    hub_version: str
    story: dict[str, tuple[str, ...]]
    """Player -> two threads in slow motion, in one fixed order."""

    def sections(self) -> Sequence[Section]:
        """Return the score, the story of each order, and how far it can be trusted."""
        rows = tuple((self._name(player), f"{lost} of {self.tries} tries died") for player, lost in self.lost.items())
        return (
            Table(f"{self.threads} threads, every symlink refused", ("who links", "outcome"), rows),
            self._slow_motion("before", "In slow motion, up to 1.32"),
            self._slow_motion("after", "In slow motion, from 1.33 on"),
            Note("What this is", self._caveats()),
        )

    def _name(self, player: str) -> str:
        return _PLAYERS.get(player, f"the installed huggingface_hub {self.hub_version}, its own functions")

    def _slow_motion(self, player: str, title: str) -> Table:
        rows = tuple((str(number), event) for number, event in enumerate(self.story[player], start=1))
        return Table(title, ("step", "what happens"), rows)

    def _caveats(self) -> tuple[str, ...]:
        installed = (
            "The last row is not a simulation: the installed client's own functions were called."
            if "installed" in self.lost
            else "huggingface_hub is not installed in the interpreter under examination, so that only simulations ran."
        )
        return (
            "A simulation keeps the order in which the client notes its answer, and nothing else of it.",
            installed,
            "All threads start at one moment, so that it happens far more often than in life, where about a third die.",
        )


def play_race(run: OpenRun, tries: int = TRIES) -> Race:
    """Let threads race for the first link, in a process of its own where symlinks are refused; downloads nothing.

    Plays in the interpreter under examination, so that a service's own huggingface_hub shows what it does.
    """
    answer = interpreter_of(run).run("symlink_race", {"tries": tries}, limit_s=_LIMIT_S)
    return Race.model_validate(answer.value)
