r"""Instructions and stages of a Dockerfile.

Written after docs.docker.com/reference/dockerfile: continuation with `\` or what `# escape=` names, comment lines
inside an instruction, here-documents of RUN, COPY and ADD. Variables are not expanded.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from runbook_lib.audit.parsers.commands import Command, join_lines

_ESCAPE = re.compile(r"\s*#\s*escape\s*=\s*([\\`])\s*$", re.IGNORECASE)
_COMMENT = re.compile(r"\s*#")
_INSTRUCTION = re.compile(r"\s*(?:ONBUILD\s+)?([A-Za-z]+)(?:\s+|$)", re.IGNORECASE)
_HERE_DOCUMENT = re.compile(r"<<-?\s*([\"']?)([A-Za-z_][A-Za-z0-9_.]*)\1")
_FROM = re.compile(r"\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)


@dataclass(frozen=True)
class Instruction:
    """One instruction; `command` holds its whole text with the keyword."""

    keyword: str
    command: Command

    @property
    def arguments(self) -> str:
        """What follows the keyword."""
        return _INSTRUCTION.sub("", self.command.text, count=1).strip()


@dataclass(frozen=True)
class Stage:
    """The instructions from one FROM to the next; `base` is an image or the name of an earlier stage."""

    base: str
    name: str
    instructions: tuple[Instruction, ...]


def split_instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions in order; a line that begins with no word is passed over."""
    lines = text.split("\n")
    escape = _escape_character(lines)
    ends: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        ends.setdefault(line.strip(), []).append(at)
    pending: list[tuple[int, str]] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        index += 1
        if _COMMENT.match(line) or (pending and not line.strip()):
            continue
        continued = line.rstrip().endswith(escape)
        pending.append((index, line.rstrip()[:-1] if continued else line))
        if continued:
            continue
        body, index = _here_documents(pending, lines, index, ends)
        yield from _instruction(pending, body)
        pending = []
    yield from _instruction(pending, [])


def split_stages(instructions: tuple[Instruction, ...]) -> tuple[Stage, ...]:
    """Group instructions by stage; what stands before the first FROM belongs to none."""
    starts = [index for index, one in enumerate(instructions) if one.keyword == "FROM"]
    stages = []
    for start, end in pairwise([*starts, len(instructions)]):
        named = _FROM.match(instructions[start].command.text)
        base, name = (named[1], named[2] or "") if named else ("", "")
        stages.append(Stage(base.lower(), name.lower(), instructions[start:end]))
    return tuple(stages)


def _escape_character(lines: list[str]) -> str:
    """Read the parser directive; it counts only among the comments at the very top."""
    for line in lines:
        if not _COMMENT.match(line):
            break
        directive = _ESCAPE.match(line)
        if directive:
            return directive[1]
    return "\\"


def _here_documents(
    pending: list[tuple[int, str]], lines: list[str], index: int, ends: dict[str, list[int]]
) -> tuple[list[tuple[int, str]], int]:
    """Return the lines of the here-documents that an instruction opens, and the index after them.

    `ends` tells where each line stands, so that many that are never closed cost no more than a few.
    """
    text = " ".join(line for _, line in pending)
    head = _INSTRUCTION.match(text)
    if head is None or head[1].upper() not in {"RUN", "COPY", "ADD"}:
        return [], index
    body: list[tuple[int, str]] = []
    for opened in _HERE_DOCUMENT.finditer(text):
        closing = ends.get(opened[2], [])
        found = bisect_left(closing, index)
        if found == len(closing):
            break
        body.extend((at + 1, lines[at]) for at in range(index, closing[found]))
        index = closing[found] + 1
    return body, index


def _instruction(pending: list[tuple[int, str]], body: list[tuple[int, str]]) -> Iterator[Instruction]:
    if not pending:
        return
    head = _INSTRUCTION.match(pending[0][1])
    if head:
        lines = [*pending, *body]
        yield Instruction(head[1].upper(), join_lines(lines, separator="\n" if body else " "))
