"""Logical lines: continuations joined, comments dropped, every character traceable to its line."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runbook_lib.audit.sources.kinds import Kind

_CONTINUATION = {
    Kind.SHELL: "\\",
    Kind.YAML: "\\",
    Kind.DOTENV: "",
    Kind.POWERSHELL: "`",
    Kind.BATCH: "^",
}
_COMMENT = {
    Kind.SHELL: re.compile(r"\s*#"),
    Kind.YAML: re.compile(r"\s*#"),
    Kind.DOTENV: re.compile(r"\s*#"),
    Kind.POWERSHELL: re.compile(r"\s*#"),
    Kind.BATCH: re.compile(r"\s*@?(rem\b|::)", re.IGNORECASE),
}
_PROMPT = re.compile(r"\s*\$ ")


@dataclass(frozen=True)
class Command:
    """One logical line; `offsets` and `numbers` say where in `text` each physical line begins."""

    text: str
    offsets: tuple[int, ...]
    numbers: tuple[int, ...]
    scope: tuple[int, int]
    """First and last physical line of the statement."""

    def locate(self, offset: int) -> tuple[int, int]:
        """Return line and column (both from 1) of a character of `text`."""
        index = bisect_right(self.offsets, offset) - 1
        return self.numbers[index], offset - self.offsets[index] + 1


def join_lines(lines: Sequence[tuple[int, str]], separator: str = " ") -> Command:
    """Make one command of physical lines (number and text)."""
    offsets, position = [], 0
    for _, text in lines:
        offsets.append(position)
        position += len(text) + len(separator)
    numbers = tuple(number for number, _ in lines)
    joined = separator.join(text for _, text in lines)
    return Command(joined, tuple(offsets), numbers, (numbers[0], numbers[-1]))


def split_commands(text: str, kind: Kind) -> Iterator[Command]:
    """Yield the logical lines of a script; nothing for a kind that holds no commands."""
    if kind in _CONTINUATION:
        yield from join_continued(enumerate(text.split("\n"), start=1), kind)


def join_continued(lines: Iterable[tuple[int, str]], kind: Kind) -> Iterator[Command]:
    """Yield the logical lines of numbered physical ones."""
    continuation, comment = _CONTINUATION[kind], _COMMENT[kind]
    pending: list[tuple[int, str]] = []
    for number, line in lines:
        if comment.match(line):
            continue
        continued = bool(continuation) and line.rstrip().endswith(continuation)
        prompt = _PROMPT.match(line)
        indent = prompt.end() if prompt else 0
        plain = " " * indent + line[indent:]
        pending.append((number, plain.rstrip()[:-1] if continued else plain))
        if not continued:
            if any(part.strip() for _, part in pending):
                yield join_lines(pending)
            pending = []
    if pending:
        yield join_lines(pending)
