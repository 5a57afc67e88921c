"""The code of a notebook: one Python text of all cells, and the shell lines among them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.audit.parsers.python_module import PythonSyntaxError, parse_python
from runbook_lib.audit.sources.kinds import Kind
from runbook_lib.audit.sources.source import Origin, Source

_CELL_MAGICS = {
    "%%bash": Kind.SHELL,
    "%%sh": Kind.SHELL,
    "%%script bash": Kind.SHELL,
    "%%cmd": Kind.BATCH,
    "%%powershell": Kind.POWERSHELL,
    "%%pwsh": Kind.POWERSHELL,
}
_IPYTHON_LINE = re.compile(
    r"(?P<indent>\s*)(?:(?:\w+\s*=\s*)?!(?P<shell>.*)|%(?P<magic>pip\s.*)|(?:\w+\s*=\s*)?%.*|\?.*|[\w.]+\?{1,2}\s*$)"
)
_TRANSPARENT_MAGICS = ("%%time", "%%capture", "%%prun")


class NotebookError(ValueError):
    """The file is no notebook in the JSON format 4."""


@dataclass
class _Part:
    lines: list[str] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)

    def add(self, text: str, origin: Origin) -> None:
        self.lines.append(text)
        self.origins.append(origin)

    def extend(self, other: "_Part") -> None:
        self.lines.extend(other.lines)
        self.origins.extend(other.origins)

    def source(self, path: str, kind: Kind) -> Source:
        return Source(path, kind, "\n".join(self.lines), tuple(self.origins))


def split_notebook(path: str, text: str) -> Iterator[Source]:
    """Yield the sources of a notebook: all cells in their order as one program.

    A cell that is no Python is a source of its own, so that it does not spoil the others.

    Raises:
        NotebookError: It is not JSON, or has no list of cells.
    """
    program, shell = _Part(), _Part()
    for number, lines in enumerate(_code_cells(text), start=1):
        cell, commands, kind = _split_cell(lines, f"code cell {number}")
        shell.extend(commands)
        if kind is not Kind.PYTHON:
            yield cell.source(path, kind)
        elif _is_python(cell):
            program.extend(cell)
        else:
            yield cell.source(path, Kind.PYTHON)
    if program.lines:
        yield program.source(path, Kind.PYTHON)
    if shell.lines:
        yield shell.source(path, Kind.SHELL)


def _split_cell(lines: list[tuple[str, int]], place: str) -> tuple[_Part, _Part, Kind]:
    """Return a cell's text with IPython's own lines taken out, its shell lines, and its language."""
    magic = lines[0][0].strip() if lines else ""
    kind = next((kind for name, kind in _CELL_MAGICS.items() if magic.startswith(name)), Kind.PYTHON)
    if kind is Kind.PYTHON and magic.startswith("%%") and not magic.startswith(_TRANSPARENT_MAGICS):
        return _Part(), _Part(), Kind.PYTHON
    cell, commands = _Part(), _Part()
    for text, raw_line in lines:
        origin = Origin(raw_line, place)
        command = _IPYTHON_LINE.match(text)
        if command and kind is Kind.PYTHON:
            cell.add(f"{command['indent']}pass", origin)
            commands.add(command["shell"] or command["magic"] or "", origin)
        else:
            cell.add("" if text.startswith("%%") else text, origin)
    return cell, commands, kind


def _is_python(cell: _Part) -> bool:
    try:
        parse_python("\n".join(cell.lines))
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
