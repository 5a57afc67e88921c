"""Commands in a terminal that is drawn in memory: pexpect gives the terminal, pyte says what stands on it."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyte
import pytest

collect_ignore_glob = ["test_*.py"] if sys.platform == "win32" else []
"""The terminal is a POSIX one."""
LINES = 120
_LIMIT_S = 120


@dataclass(frozen=True)
class Shown:
    """What a command left on the screen."""

    exit_code: int | None
    screen: pyte.Screen
    sent: str
    """Everything it sent, escape sequences included."""

    @property
    def lines(self) -> list[str]:
        """The lines, without the empty ones at the end."""
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)

    def colour_of(self, word: str) -> str:
        """Return the colour in which the word stands where it begins a line."""
        row = next(number for number, line in enumerate(self.lines) if line.startswith(word))
        return str(self.screen.buffer[row][0].fg)


Terminal = Callable[..., Shown]


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """Run Python with arguments in a terminal so many columns wide; variables by name."""

    import pexpect  # not there on Windows

    def call(*words: str, columns: int, kind: str = "xterm-256color", **variables: str) -> Shown:
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        environment = {**kept, "TERM": kind, **variables}
        child = pexpect.spawn(
            sys.executable,
            list(words),
            dimensions=(LINES, columns),
            env=environment,
            cwd=str(tmp_path),
            timeout=_LIMIT_S,
        )
        sent = child.read()
        child.close()
        screen = pyte.Screen(columns, LINES)
        pyte.ByteStream(screen).feed(sent)
        return Shown(child.exitstatus, screen, sent.decode("utf-8"))

    return call
