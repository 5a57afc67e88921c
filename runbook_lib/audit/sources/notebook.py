"""The code of a notebook: one Python text of all cells, and the cells in other languages."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.audit.parsers.python_module import PythonSyntaxError, parse_python
from runbook_lib.audit.sources.ipython import to_python
from runbook_lib.audit.sources.kinds import Kind
from runbook_lib.audit.sources.source import Origin, Source

_CELL_MAGICS = {
    "%%bash": Kind.SHELL,
    "%%sh": Kind.SHELL,
    "%%script bash": Kind.SHELL,
    "%%!": Kind.SHELL,
    "%%system": Kind.SHELL,
    "%%cmd": Kind.BATCH,
    "%%powershell": Kind.POWERSHELL,
    "%%pwsh": Kind.POWERSHELL,
}
_TRANSPARENT_MAGICS = ("%%time", "%%capture", "%%prun")


class NotebookError(ValueError):
    """The file is not a notebook in the JSON format 4."""


@dataclass
class _Part:
    lines: list[str] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    compiled: list[str] = field(default_factory=list)

    def extend(self, other: "_Part") -> None:
        self.lines.extend(other.lines)
        self.origins.extend(other.origins)
        self.compiled.extend(other.compiled)

    def source(self, path: str, kind: Kind) -> Source:
        return Source(path, kind, "\n".join(self.lines), tuple(self.origins), "\n".join(self.compiled))


def split_notebook(path: str, text: str) -> Iterator[Source]:
    """Yield the sources of a notebook: all cells in their order as one program.

    A cell that is not Python is a source of its own, so that it does not spoil the others.

    Raises:
        NotebookError: It is not JSON, or has no list of cells.
    """
    program = _Part()
    for number, lines in enumerate(_code_cells(text), start=1):
        kind, cell = _cell(lines, f"code cell {number}")
        if kind is None:
            continue
        if kind is Kind.PYTHON and _is_python(cell):
            program.extend(cell)
        else:
            yield cell.source(path, kind)
    if program.lines:
        yield program.source(path, Kind.PYTHON)


def _cell(lines: list[tuple[str, int]], place: str) -> tuple[Kind | None, _Part]:
    """Return the language of a cell, None for one that is not read, and its lines."""
    part = _Part([text for text, _ in lines], [Origin(line, place) for _, line in lines])
    first = next((at for at, text in enumerate(part.lines) if text.strip()), 0)
    magic = part.lines[first].strip() if part.lines else ""
    kind = next((kind for name, kind in _CELL_MAGICS.items() if magic.startswith(name)), Kind.PYTHON)
    if magic.startswith("%%"):
        if kind is Kind.PYTHON and not magic.startswith(_TRANSPARENT_MAGICS):
            return None, part
        part.lines[first] = ""
    if kind is Kind.PYTHON:
        part.compiled = to_python(part.lines)
    return kind, part


def _is_python(cell: _Part) -> bool:
    try:
        parse_python("\n".join(cell.compiled))
    except PythonSyntaxError:
        return False
    return True


def _code_cells(text: str) -> Iterator[list[tuple[str, int]]]:
    """Yield the lines of each code cell with the line of the JSON file that holds them."""
    try:
        notebook: Any = json.loads(text)
        cells = [(cell["cell_type"], cell["source"]) for cell in notebook["cells"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotebookError("not a notebook in the JSON format 4") from None
    cursor = _Cursor(text)
    for cell_type, source in cells:
        cursor.move_behind('"source"')
        lines: list[tuple[str, int]] = []
        for piece in source if isinstance(source, list) else [source]:
            if isinstance(piece, str):
                cursor.move_behind(json.dumps(piece, ensure_ascii=False), json.dumps(piece))
                lines.extend((line, cursor.line) for line in piece.splitlines())
        if cell_type == "code":
            yield lines


@dataclass
class _Cursor:
    """A place in the JSON text. Once a string cannot be found it stays, and later lines are not exact."""

    text: str
    position: int = 0
    line: int = 1

    def move_behind(self, *spellings: str) -> None:
        for spelling in spellings:
            found = self.text.find(spelling, self.position)
            if found >= 0:
                self.line += self.text.count("\n", self.position, found)
                self.position = found + len(spelling)
                return
        self.position = len(self.text)
