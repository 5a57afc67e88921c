"""Sections as an HTML fragment: no style block, no script, no ids; every value is escaped."""

import base64
from collections.abc import Iterable
from html import escape

from runbook_lib.render.sections import Cell, Figure, Link, Note, Section, Table

_STATUS_COLUMN = "status"


def to_html(sections: Iterable[Section]) -> str:
    """Join the sections as HTML; equal sections give equal bytes."""
    return "\n".join(f"<section>\n{_section_html(section)}\n</section>" for section in sections)


def _section_html(section: Section) -> str:
    match section:
        case Note(title, lines):
            body = "".join(f"<p>{escape(line)}</p>" for line in lines)
        case Table():
            title, body = section.title, _table_html(section)
        case Figure(title, png, alternative):
            encoded = base64.b64encode(png).decode("ascii")
            body = f'<img src="data:image/png;base64,{encoded}" alt="{escape(alternative)}">'
    return f"<h4>{escape(title)}</h4>\n{body}"


def _table_html(table: Table) -> str:
    if not table.rows:
        return f"<p>{escape(table.empty)}</p>"
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    rows = "\n".join(_row_html(table.columns, row) for row in table.rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _row_html(columns: tuple[str, ...], row: tuple[Cell, ...]) -> str:
    return f"<tr>{''.join(map(_cell_html, columns, row))}</tr>"


def _cell_html(column: str, cell: Cell) -> str:
    if isinstance(cell, Link):
        return f'<td><a href="{escape(cell.target)}">{escape(cell.words)}</a></td>'
    if column == _STATUS_COLUMN:
        return f'<td class="status-{escape(cell)}"><strong>{escape(cell)}</strong></td>'
    return f"<td>{escape(cell)}</td>"
