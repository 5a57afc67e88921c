"""Signals that end a run: noted while it goes on, acted upon where nothing is left half done."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from runbook_lib.errors import ExitCode

_NAMES: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""SIGBREAK is Ctrl-Break and the closing of a console on Windows; the others are those of POSIX."""
_EXIT_CODES: Final = {"SIGTERM": ExitCode.TERMINATED, "SIGHUP": ExitCode.HANGUP}
"""The rest is a person at the keyboard."""


class Interruption:
    """What asked the run to end; nothing, as long as `signal_number` is 0."""

    def __init__(self) -> None:
        self.when_noticed: Callable[[], object] = lambda: None
        """Called by whoever ends something because of it, before that: what follows may be killed."""
        self.signal_number = 0
        self.count = 0
        """How often it was asked: the second time, nothing is waited for any more."""

    @property
    def is_noted(self) -> bool:
        """Whether there was a signal."""
        return self.count > 0

    def note(self, number: int, _frame: FrameType | None = None) -> None:
        """Note a signal; the first one gives the name."""
        self.signal_number = self.signal_number or number
        self.count += 1

    @property
    def name(self) -> str:
        """The signal's name; empty when there was none."""
        return signal.Signals(self.signal_number).name if self.signal_number else ""

    @property
    def words(self) -> str:
        """What became of what it ended."""
        return f"interrupted by {self.name}"

    @property
    def exit_code(self) -> ExitCode:
        """128 and the signal's number, as a shell says it; Ctrl-Break counts as Ctrl-C."""
        return _EXIT_CODES.get(self.name, ExitCode.INTERRUPTED)


@contextmanager
def noted_signals() -> Iterator[Interruption]:
    """Note the signals that end a process instead of ending; those that are ignored stay so (nohup, background jobs).

    Raises nothing into the code that runs: a `KeyboardInterrupt` in the middle of asyncio, or of a file that is being
    replaced, is what leaves things behind. Does nothing outside the main thread, which alone gets signals.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    known = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in known}
    noted = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    for number in noted:
        signal.signal(number, interruption.note)
    try:
        yield interruption
    finally:
        for number in noted:
            signal.signal(number, before[number])
