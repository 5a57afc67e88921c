"""Sections laid out for a width: paragraphs wrap, and a table that does not fit becomes a list."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from runbook_lib.render.sections import Cell, Figure, Note, Preformatted, Section, Spread, Table
from runbook_lib.render.text import printable

STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}
"""How a status is coloured; the word itself says it where there is no colour."""
_GAP: Final = "  "
_LEAST_COLUMN: Final = 28
"""With less room for its longest columns a table is a list."""
_STATUS_IN_TITLE: Final = re.compile(r"^(?:ok|warn|fail|skip)(?=:)|(?<=: )(?:ok|warn|fail|skip)$")
_WITH_COMMAND: Final = re.compile(r"(?P<words>[^:]+:) (?P<command>runbook .+)")
_INDENT: Final = "  "


def draw(sections: Iterable[Section], console: Console) -> Iterator[Text]:
    """Yield the lines; none is wider than the console but commands and what keeps its spaces.

    A command that is longer is left to the terminal, which wraps it on the screen and not in what is copied from there.
    """
    for number, section in enumerate(sections):
        if number:
            yield Text()
        yield from _heading(section.title)
        yield from _body(section, console)


def styled(line: str) -> Text:
    """Return a line of ours that begins with a status, in its colour."""
    text = Text(printable(line))
    status = line.split(" ", 1)[0]
    text.stylize(STYLES.get(status, ""), 0, len(status))
    return text


def _heading(title: str) -> Iterator[Text]:
    words = printable(title)
    heading = Text(words, style="bold")
    for match in _STATUS_IN_TITLE.finditer(words):
        heading.stylize(STYLES[match.group()], *match.span())
    yield heading
    yield Text("-" * cell_len(words), style="dim")


def _body(section: Section, console: Console) -> Iterator[Text]:
    match section:
        case Note(_, lines):
            for line in lines:
                yield from _paragraph(line, console)
        case Preformatted(_, lines):
            yield from (Text(printable(line)) for line in lines)
        case Table():
            yield from _table(section, console)
        case Figure(_, _, alternative):
            yield from _wrapped(Text(f"[picture] {printable(alternative)}"), console)
        case Spread(_, figure, markdown):
            yield from _wrapped(Text(f"[picture] {printable(figure.alternative)}"), console)
            yield Text()
            for line in markdown.splitlines():
                yield from _wrapped(Text(printable(line)), console)


def _paragraph(line: str, console: Console) -> Iterator[Text]:
    words = printable(line)
    with_command = _WITH_COMMAND.fullmatch(words)
    if with_command and cell_len(words) > console.width:
        yield from _wrapped(Text(with_command["words"]), console)
        yield Text(f"{_INDENT}{with_command['command']}")
    else:
        yield from _wrapped(Text(words), console)


def _table(table: Table, console: Console) -> Iterator[Text]:
    if not table.rows:
        yield from _wrapped(Text(printable(table.empty)), console)
        return
    rows = [tuple(map(_words, row)) for row in table.rows]
    widths = [max(map(cell_len, column)) for column in zip(table.columns, *rows, strict=True)]
    fitted = _fitted(widths, console.width - len(_GAP) * (len(widths) - 1))
    if fitted is None:
        yield from _list(table.columns, rows, console)
        return
    if any(table.columns):
        yield from _row([Text(name, style="bold") for name in table.columns], fitted, console)
    for row in rows:
        yield from _row([_cell(name, cell) for name, cell in zip(table.columns, row, strict=True)], fitted, console)


def _fitted(widths: Sequence[int], room: int) -> list[int] | None:
    """Take from the widest columns until all have room; None when too little would be left for words."""
    fitted = list(widths)
    while (over := sum(fitted) - room) > 0:
        widest = max(fitted)
        if widest <= _LEAST_COLUMN:
            return None
        next_widest = max((width for width in fitted if width < widest), default=0)
        fitted[fitted.index(widest)] = max(widest - over, min(next_widest, widest - 1), _LEAST_COLUMN)
    return fitted


def _row(cells: Sequence[Text], widths: Sequence[int], console: Console) -> Iterator[Text]:
    wrapped = [list(_wrapped(cell, console, room=width)) for cell, width in zip(cells, widths, strict=True)]
    for parts in zip_longest(*wrapped, fillvalue=Text()):
        line = Text()
        for part, width in zip(parts, widths, strict=True):
            line.append_text(part)
            line.append(" " * (width - cell_len(part.plain)) + _GAP)
        line.rstrip()
        yield line


def _list(columns: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> Iterator[Text]:
    """Say a row as an entry: its first words, then each further cell under its name."""
    heads = 2 if columns[0] == "status" else 1
    for row in rows:
        entry = Text(_GAP).join(_cell(name, cell) for name, cell in zip(columns[:heads], row[:heads], strict=True))
        entry.stylize("bold", len(row[0]) if heads > 1 else 0)
        yield from _wrapped(entry, console)
        for name, cell in zip(columns[heads:], row[heads:], strict=True):
            if cell:
                label = Text(f"{_INDENT}{name}: ") if name else Text(_INDENT)
                yield from _wrapped(Text(cell), console, label, indent=len(_INDENT) * 2)


def _words(cell: Cell) -> str:
    return printable(str(cell))


def _cell(column: str, words: str) -> Text:
    return Text(words, style=STYLES.get(words, "") if column in ("status", "") else "")


def _wrapped(
    text: Text, console: Console, head: Text | None = None, *, indent: int = 0, room: int | None = None
) -> Iterator[Text]:
    """Wrap between words, each further line indented; a word that has no room of its own is folded."""
    first = head or Text()
    room = room or console.width - max(indent, cell_len(first.plain))
    if not text.plain:
        first.rstrip()
        yield first
        return
    for number, line in enumerate(text.wrap(console, max(room, 1), overflow="fold")):
        line.rstrip()
        yield first + line if number == 0 else Text(" " * indent) + line
