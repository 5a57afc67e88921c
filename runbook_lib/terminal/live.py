"""A table that lives on a terminal; elsewhere a line for each row that changes."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from runbook_lib.render.sections import Section, Table
from runbook_lib.render.text import printable
from runbook_lib.terminal.layout import draw
from runbook_lib.terminal.screen import console_on, is_terminal

_LEFT_OUT: Final = ("took",)
"""Columns that change all the time."""
Shown = Callable[[Sequence[Section]], None]


@contextmanager
def living() -> Iterator[Shown]:
    """Yield what shows sections on stderr, over and over; the last of them are gone from a terminal at the end."""
    if not is_terminal(sys.stderr):
        yield _Lines().show
        return
    from rich.console import Group
    from rich.live import Live

    console = console_on(sys.stderr)
    with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="ellipsis") as live:
        yield lambda sections: live.update(Group(*draw(sections, console)), refresh=True)


class _Lines:
    """Says each row again when it says something else."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def show(self, sections: Sequence[Section]) -> None:
        for table in (section for section in sections if isinstance(section, Table)):
            kept = [number for number, name in enumerate(table.columns) if name not in _LEFT_OUT]
            for row in table.rows:
                line = "  ".join(filter(None, (printable(str(row[number])) for number in kept)))
                if self._said.get(str(row[1])) != line:
                    self._said[str(row[1])] = line
                    sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
