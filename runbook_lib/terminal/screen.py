"""Where results are printed: at the width of the terminal and in colour, or as the same plain text everywhere else."""

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from runbook_lib.render.sections import Section
from runbook_lib.render.text import to_text

if TYPE_CHECKING:
    from rich.console import Console

_NARROWEST: Final = 40
"""What lays itself out in less is unreadable either way."""
_USUAL: Final = (80, 24)


class Showable(Protocol):
    """What can show itself, as every `Rendered` does."""

    def sections(self) -> Sequence[Section]:
        """Return what is worth seeing."""

    def brief(self) -> Sequence[Section]:
        """Return what a person needs to see at first."""


def show(shown: Showable, *, whole: bool = True) -> None:
    """Print on stdout what shows itself.

    A terminal gets it in brief unless the `whole` is wanted; a pipe or a file always gets the same plain text.
    """
    in_brief = is_terminal(sys.stdout) and not whole
    print_sections(shown.brief() if in_brief else shown.sections(), sys.stdout)


def print_sections(sections: Sequence[Section], stream: TextIO) -> None:
    """Print sections on a stream, as it takes them."""
    if not is_terminal(stream):
        stream.write(f"{to_text(sections)}\n")
        return
    from runbook_lib.terminal.layout import draw

    console = console_on(stream)
    for line in draw(sections, console):
        console.print(line, soft_wrap=True)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at the stream; pythonw has none, and a closed one cannot say."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def is_one_place(first: TextIO | None, second: TextIO | None) -> bool:
    """Whether what goes to the two streams is read as one text: a terminal, or one log for both (`> log 2>&1`)."""
    if is_terminal(first) and is_terminal(second):
        return True
    try:
        return first is not None and second is not None and os.path.sameopenfile(first.fileno(), second.fileno())
    except (OSError, ValueError):  # no file behind one of them
        return False


def console_on(stream: TextIO) -> "Console":
    """Return rich's console, which knows NO_COLOR, dumb terminals and Windows; it shows our words as they are."""
    from rich.console import Console  # a tenth of a second, which no pipe has to wait for

    columns, lines = shutil.get_terminal_size(_USUAL)
    width = max(columns, _NARROWEST)
    return Console(file=stream, width=width, height=lines, highlight=False, markup=False, emoji=False)
