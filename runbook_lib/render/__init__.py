"""Text and HTML of records: pure functions over a few kinds of section."""

from runbook_lib.render.html import to_html
from runbook_lib.render.rendered import Rendered, show
from runbook_lib.render.sections import Cell, Figure, Link, Note, Preformatted, Section, Spread, Table
from runbook_lib.render.text import to_text
from runbook_lib.render.values import format_bytes, format_seconds

__all__ = [
    "Cell",
    "Figure",
    "Link",
    "Note",
    "Preformatted",
    "Rendered",
    "Section",
    "Spread",
    "Table",
    "format_bytes",
    "format_seconds",
    "show",
    "to_html",
    "to_text",
]
