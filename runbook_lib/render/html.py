"""Sections as an HTML fragment: no style block, no script, no ids; every value is escaped."""

import base64
from collections.abc import Iterable
from html import escape

from runbook_lib.render.markdown import to_safe_html
from runbook_lib.render.sections import Addresses, Cell, Figure, Link, Note, Preformatted, Section, Spread, Table

_STATUS_COLUMN = "status"
_WEB = ("https://", "http://")
"""What a link to the outside may begin with; anything else, such as javascript:, is shown as text."""
_LEFT = ' style="text-align: left"'
"""JupyterLab's style sheet puts what stands in tables at the right, and no attribute outranks it."""


def to_html(sections: Iterable[Section]) -> str:
    """Join the sections as HTML; equal sections give equal bytes."""
    return "\n".join(f"<section>\n{_section_html(section)}\n</section>" for section in sections)


def _section_html(section: Section) -> str:
    match section:
        case Table(folded=True):
            return f"<details>\n<summary>{escape(section.title)}</summary>\n{_table_html(section)}\n</details>"
        case Note(title, lines):
            body = "".join(f"<p>{escape(line)}</p>" for line in lines)
        case Table():
            title, body = section.title, _table_html(section)
        case Figure(title, _, _):
            body = _image_html(section)
        case Preformatted(title, lines):
            body = f"<pre>{escape(chr(10).join(lines))}</pre>"
        case Spread(title, figure, markdown):
            body = _side_by_side(_image_html(figure), to_safe_html(markdown))
    return f"<h4>{escape(title)}</h4>\n{body}"


def _image_html(figure: Figure) -> str:
    encoded = base64.b64encode(figure.png).decode("ascii")
    return f'<img src="data:image/png;base64,{encoded}" alt="{escape(figure.alternative)}">'


def _side_by_side(left: str, right: str) -> str:
    """Lay out two fragments in two columns, by attributes: notebooks on GitHub lose their styles."""
    cells = "".join(f'<td width="50%" align="left" valign="top"{_LEFT}>{half}</td>' for half in (left, right))
    return f'<table role="presentation"><tbody><tr>{cells}</tr></tbody></table>'


def _table_html(table: Table) -> str:
    if not table.rows:
        return f"<p>{escape(table.empty)}</p>"
    head = "".join(f'<th scope="col"{_LEFT}>{escape(column)}</th>' for column in table.columns)
    rows = "\n".join(_row_html(table.columns, row) for row in table.rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _row_html(columns: tuple[str, ...], row: tuple[Cell, ...]) -> str:
    return f"<tr>{''.join(map(_cell_html, columns, row))}</tr>"


def _cell_html(column: str, cell: Cell) -> str:
    if isinstance(cell, Link):
        return f'<td{_LEFT}><a href="{escape(cell.target)}">{escape(cell.words)}</a></td>'
    if isinstance(cell, Addresses):
        return f"<td{_LEFT}>{' '.join(map(_address_html, cell.urls))}</td>"
    if column == _STATUS_COLUMN:
        return f'<td class="status-{escape(cell)}"{_LEFT}><strong>{escape(cell)}</strong></td>'
    return f"<td{_LEFT}>{escape(cell)}</td>"


def _address_html(url: str) -> str:
    shown = escape(url)
    if not url.lower().startswith(_WEB):
        return shown
    return f'<a href="{shown}" target="_blank" rel="noopener">{shown}</a>'
