"""Trying again when a line is bad: bounded, said aloud, and never where it cannot help.

huggingface_hub gives up at the first connection that is reset (1.33), and a whole model is many connections. What has
arrived is kept between tries, so that each of them has less to do.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from runbook_lib.system.progress import Say
from runbook_lib.workers.failure import Cancelled, WorkerFailed

T = TypeVar("T")

_PAUSES_S: Final = {"connection": (0.5, 1.0, 2.0), "server": (1.0, 3.0, 5.0, 10.0), "content": (1.0, 3.0)}
"""What passes between tries; the last of a kind is repeated."""
_LONGEST_PAUSE_S: Final = 10.0
"""A server that asks for more is told to the person, who may have better to do."""
_FEWEST_TRIES: Final = 4
"""So many fail in a row before time counts: one try may take longer than all patience."""
_MOST_SHORT_BODIES: Final = 2
"""Something on the way that changes files does it again, and each try fetches the file whole."""


@dataclass(frozen=True)
class Patience:
    """How long a step that fails in passing ways is tried again.

    Args:
        fruitless_s: How long tries may bring nothing, once a few have failed.
        deadline: The monotonic time at which the step ends in any case.
        say: Told before each pause.
        cancel: Ends the waiting.
    """

    fruitless_s: float
    deadline: float
    say: Say
    cancel: threading.Event | None = None

    def attempts(self, attempt: Callable[[], T], arrived: Callable[[], int] = lambda: 0) -> tuple[T, int]:
        """Return what `attempt` returns, and how often it was tried; `arrived` tells whether a try brought something.

        Raises what the last try raised when another cannot help or patience is at its end, and `Cancelled`.
        """
        have, fruitless, short_bodies, tries, since = arrived(), 0, 0, 1, time.monotonic()
        while True:
            try:
                return attempt(), tries
            except WorkerFailed as failure:
                if (now_have := arrived()) != have:
                    have, fruitless, since = now_have, 0, time.monotonic()
                fruitless += 1
                short_bodies += failure.passing == "content"
                pause_s = _pause_s(failure, fruitless)
                if short_bodies > _MOST_SHORT_BODIES or not self._allows(failure, fruitless, since, pause_s):
                    raise
                tries += 1
                self.say(f"{_sentence(failure)}; try {tries} in {pause_s:g} s")
                self._wait(pause_s)

    def _allows(self, failure: WorkerFailed, fruitless: int, since: float, pause_s: float) -> bool:
        goes_on_at = time.monotonic() + pause_s
        in_time = goes_on_at < self.deadline and pause_s <= _LONGEST_PAUSE_S
        patient = fruitless < _FEWEST_TRIES or goes_on_at - since <= self.fruitless_s
        return bool(failure.passing) and in_time and patient

    def _wait(self, pause_s: float) -> None:
        if (self.cancel or threading.Event()).wait(pause_s):
            raise Cancelled("The download was stopped on request.")


def _pause_s(failure: WorkerFailed, fruitless: int) -> float:
    pauses_s = _PAUSES_S.get(failure.passing, (0.0,))
    return max(pauses_s[min(fruitless, len(pauses_s)) - 1], failure.asked_pause_s)


def _sentence(failure: WorkerFailed) -> str:
    cause = failure.innermost
    words = f"{cause.type}: {cause.message}" if cause else failure.what
    return " ".join(words.split())[:120]
