"""Sections as plain text: what a terminal, a log and `text/plain` show."""

import textwrap
from collections.abc import Iterable, Sequence

from runbook_lib.render.sections import Figure, Note, Preformatted, Section, Spread, Table

WIDTH = 100
_GAP = "  "
_MIN_LAST_COLUMN = 24


def to_text(sections: Iterable[Section]) -> str:
    """Join the sections as text; equal sections give equal text.

    Control characters are shown as `?`: a file name must not be able to drive the terminal.
    """
    return "\n\n".join("\n".join(_section_lines(section)) for section in sections)


def _section_lines(section: Section) -> list[str]:
    match section:
        case Note(title, lines) | Preformatted(title, lines):
            body = [printable(line) for line in lines]
        case Table():
            title, body = section.title, _table_lines(section)
        case Figure(title, _, alternative):
            body = [f"[picture] {printable(alternative)}"]
        case Spread(title, figure, markdown):
            body = [f"[picture] {printable(figure.alternative)}", "", *map(printable, markdown.splitlines())]
    return [printable(title), "-" * len(printable(title)), *body]


def _table_lines(table: Table) -> list[str]:
    if not table.rows:
        return [printable(table.empty)]
    rows = [tuple(printable(str(cell)) for cell in row) for row in (table.columns, *table.rows)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(table.columns))]
    return [line for row in rows for line in _row_lines(row, widths)]


def _row_lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Lay out one row; the last cell wraps under itself so that a long remedy stays readable."""
    head = "".join(f"{cell:<{width}}{_GAP}" for cell, width in zip(row[:-1], widths[:-1], strict=True))
    room = max(WIDTH - len(head), _MIN_LAST_COLUMN)
    wrapped = textwrap.wrap(row[-1], room, break_long_words=False, break_on_hyphens=False) or [""]
    return [(prefix + part).rstrip() for prefix, part in zip(_prefixes(head), wrapped, strict=False)]


def _prefixes(head: str) -> Iterable[str]:
    yield head
    while True:
        yield " " * len(head)


def printable(text: str) -> str:
    """Return one line without anything that drives a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text.replace("\n", " / "))
