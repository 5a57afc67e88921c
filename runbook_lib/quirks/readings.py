"""A stretch of a log without its clothes: the several texts it can be read as.

The same failure comes behind the prefix of a container or CI log, in a box of rich, inside a string of JSON or of
Python, escaped for HTML, or wrapped by a terminal. A *reading* takes such a dress off; a pattern is tried on each of
them. Every line of a reading knows the line of the log it comes from.
"""

import html
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from runbook_lib.quirks.log_text import without_ansi
from runbook_lib.quirks.prefixes import is_code, is_record_start, without_prefixes

_MAX_LEVELS = 4
_MAX_WRAPPED_LINES = 40
_MAX_WRAP_COLUMNS = 1000
_MIN_WRAP_COLUMNS = 38
"""A narrower column is not known to wrap logs; the text column of rich in a terminal of 80 has 51."""

_ESCAPED = re.compile(r"""\\[nrt"'\\/ux]|&(?:#\w{2,6}|[a-z]{2,5});""")
_ESCAPE = re.compile(
    r"""((?:\\x[0-9a-f]{2})+)|((?:\\u[0-9a-fA-F]{4})+)|\\([nrt"'\\/])""",
)
_PLAIN = {"n": "\n", "r": "\r", "t": "\t"}
_LINE_FEED = re.compile(r"(?<!\\)(?:\\\\)*\\n")
_PATH = re.compile(r"(?:\b[A-Za-z]:|[\w.-])\\n(?=\w)")
_STRING_START = re.compile(r"""^\s{0,40}b?["'](?=\S|\s{2,4}\S|$)""")
_STRING_STOP = re.compile(r"""["'],?\s{0,4}$""")
_NO_TEXT = {"ts", "time", "timestamp", "@timestamp", "level", "levelname", "severity", "stream", "logger", "name"}
_LIST_ITEM = re.compile(r"""^\s{2,40}"(.*)",?$""")
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " ", "\u202f": " "})
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Reading:
    """One way to read a stretch of a log."""

    text: str
    line_numbers: tuple[int, ...]
    """The line of the log each line of the text comes from; ascending."""
    level: int = 0
    """How many levels of escaping were taken off."""
    squeezed: bool = False
    """White space is taken out, and the lines of what was wrapped are joined."""
    beside: "Reading | None" = None
    """For a squeezed reading: the one it was made from, with the same order of lines."""
    lasts: Mapping[int, int] = field(default_factory=dict)
    """What looks wrapped: up to which line each line goes on, by its index."""

    @cached_property
    def line_starts(self) -> list[int]:
        """Return where each line begins."""
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def line_index_at(self, position: int) -> int:
        """Return which line of the text a position is in, counted from 0."""
        return bisect_right(self.line_starts, position) - 1

    def line_numbers_at(self, position: int) -> range:
        """Return all lines of the log that the line at a position of the text comes from."""
        index = min(self.line_index_at(position), len(self.line_numbers) - 1)
        last = self.lasts.get(index, index) if self.squeezed else index
        return range(self.line_numbers[index], self.line_numbers[last] + 1)

    def unwrapped(self, index: int) -> tuple[str, int]:
        """Return the whole of what was wrapped around a line, joined with spaces, and where the line begins in it."""
        first = self._firsts.get(index, index)
        lines = self.lines[first : self.lasts.get(first, first) + 1]
        parts = [" ".join(line[:_MAX_WRAP_COLUMNS].split()) for line in lines]
        return " ".join(parts), sum(len(part) + 1 for part in parts[: index - first])

    @cached_property
    def is_mostly_wrapped(self) -> bool:
        """Whether a third of the lines or more only go on with the one before."""
        return 3 * sum(last - first for first, last in self.lasts.items()) >= len(self.line_starts)

    @cached_property
    def _firsts(self) -> dict[int, int]:
        return {index: first for first, last in self.lasts.items() for index in range(first, last + 1)}

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text."""
        return self.text.split("\n")

    def line_number_at(self, position: int) -> int:
        """Return the line of the log that a position of the text comes from."""
        return self.line_numbers[min(self.line_index_at(position), len(self.line_numbers) - 1)]


def readings(text: str, line_number: int) -> Iterator[Reading]:
    """Yield the readings of a stretch whose first line has this number: as it stands first, then undressed.

    A line that holds escaped line feeds is several lines, so it is read as such only.
    """
    lines = _straightened(text).split("\n")
    numbers: Sequence[int] = range(line_number, line_number + len(lines))
    for level in range(_MAX_LEVELS + 1):
        dressed = level < _MAX_LEVELS and any("\\" in line or "&" in line or _is_object(line) for line in lines)
        yield from _with_wraps([_unless_several(line) for line in lines] if dressed else lines, numbers, level)
        if not dressed:
            return
        undressed = [(part, number) for line, number in zip(lines, numbers, strict=True) for part in _undressed(line)]
        if [line for line, _ in undressed] == lines:
            return
        lines, numbers = [line for line, _ in undressed], [number for _, number in undressed]


def squeeze(text: str) -> str:
    """Return the text without white space."""
    return _SPACE.sub("", text)


def _straightened(text: str) -> str:
    return text if text.isascii() else text.translate(_QUOTES)


def _unless_several(line: str) -> str:
    """Return the line; nothing if it holds escaped line feeds or colours, other than what is a path of Windows."""
    if "\\u001b[" in line or "\\x1b[" in line or ("\\u" in line and _is_object(line)):
        return ""
    if _LIST_ITEM.match(line):
        return ""
    if "\\n" not in line:
        return line
    feeds, paths = len(_LINE_FEED.findall(line)), len(_PATH.findall(line))
    return "" if feeds > paths else line


def _undressed(line: str) -> Sequence[str]:
    if _is_object(line) and (strings := _strings_of_json(line)) is not None:
        return strings or [""]
    return _unescaped(line) if _ESCAPED.search(line) else (_item(line),)


def _is_object(line: str) -> bool:
    return line.lstrip()[:2] == '{"'


def _strings_of_json(line: str) -> list[str] | None:
    """Return the lines of all strings in a JSON object, but for times and names; None if it is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    lines = [part for text in _texts(value, 0) for part in _straightened(without_ansi(text)).split("\n")]
    return [part for part in lines if part]


def _texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth < _MAX_LEVELS:
        for name, held in value.items():
            if name not in _NO_TEXT:
                yield from _texts(held, depth + 1)
    elif isinstance(value, list) and depth < _MAX_LEVELS:
        for held in value:
            yield from _texts(held, depth + 1)


def _unescaped(line: str) -> list[str]:
    """Take one level of escaping off; the line of a string that holds line feeds becomes several."""
    plain = _ESCAPE.sub(_unescape, html.unescape(line) if "&" in line else line)
    parts = without_ansi(_straightened(plain)).split("\n")
    if len(parts) == 1:
        return [_item(parts[0])]
    parts[0], parts[-1] = _STRING_START.sub("", parts[0]), _STRING_STOP.sub("", parts[-1])
    return [part for part in parts if part]


def _item(line: str) -> str:
    """Return what a line of a JSON list of strings holds; any other line as it is."""
    found = _LIST_ITEM.match(line)
    return found[1] if found else line


def _unescape(match: re.Match[str]) -> str:
    raw, wide, plain = match.groups()
    if raw:
        data = bytes.fromhex(raw.replace("\\x", ""))
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("cp1252", errors="replace")
    if wide:
        data = bytes.fromhex(wide.replace("\\u", ""))
        return data.decode("utf-16-be", errors="replace")
    return _PLAIN.get(plain, plain)


def _with_wraps(lines: Sequence[str], numbers: Sequence[int], level: int) -> Iterator[Reading]:
    bare = without_prefixes(lines)
    numbers = tuple(numbers)
    lasts = _wrapped(lines, bare)
    reading = Reading("\n".join(bare), numbers, level, lasts=lasts)
    yield reading
    if lasts:
        joined = [""] * len(lines)
        for first, last in lasts.items():
            joined[first] = squeeze("".join(bare[first : last + 1]))
        yield Reading("\n".join(joined), numbers, level, squeezed=True, beside=reading, lasts=lasts)


def _wrapped(lines: Sequence[str], bare: Sequence[str]) -> dict[int, int]:
    """Return the first and the last of the lines that look like one, wrapped."""
    lasts = dict[int, int]()
    first = 0
    while first < len(lines):
        last = first
        while last + 1 < len(lines) and last - first < _MAX_WRAPPED_LINES and _goes_on(lines, bare, last):
            last += 1
        if last > first:
            lasts[first] = last
        first = last + 1
    return lasts


def _goes_on(lines: Sequence[str], bare: Sequence[str], index: int) -> bool:
    """Say whether the line after this one can be its rest, put there by a terminal."""
    line, following = lines[index].rstrip(), bare[index + 1]
    if not bare[index].strip() or not following.strip() or len(line) > _MAX_WRAP_COLUMNS:
        return False
    if is_record_start(following, lines[index + 1]) or is_code(bare, index + 1):
        return False
    word = following.split(None, 1)[0]
    return len(line) + len(word) >= _MIN_WRAP_COLUMNS
