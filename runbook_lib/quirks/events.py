"""Where in a log one event begins and ends: a chain of tracebacks, or the lines around a line.

Python prints the first cause first: the traceback at the top of a chain is the innermost one. Recognised are the
traceback of the interpreter, also behind the prefix of a container or CI log, of IPython and of rich.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

from runbook_lib.quirks.prefixes import TRACEBACK

_REACH_CHARS = 1 << 16
_MAX_LINKS = 16
_AROUND_LINES = 10
_MESSAGE_LINES = 12
_LINK_GAP_CHARS = 400
_LINK_GAP_LINES = 2
_CUT_OFF_LINES = 30

_LINK = re.compile(
    "The above exception was the direct cause of the following exception"
    "|During handling of the above exception, another exception occurred"
)
_EXCEPTION = re.compile(
    r"(?:E {3}| {0,12}\| )?(?:[A-Za-z_]\w{0,80}+\.){0,12}+[A-Za-z_]\w{0,80}+(?::\s|:?\s{0,4}+$)", re.MULTILINE
)
_LOG_RECORD = re.compile(r"\[?\d{4}-\d\d-\d\d[ T]|\[?\d\d:\d\d:\d\d|\[?(?:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL)\b")
_IPYTHON_HEADER = re.compile(r"[\w.]{1,200}+ {2,}")


@dataclass(frozen=True)
class Event:
    """The stretch `start:stop` of a text."""

    start: int
    stop: int
    tracebacks: tuple[int, ...] = ()
    """Where the tracebacks of the chain begin, the innermost first; empty outside of a traceback."""

    def depth(self, position: int) -> int:
        """Return 0 in the innermost traceback, 1 in the next one."""
        return max(0, bisect_right(self.tracebacks, position) - 1)


def event_at(text: str, position: int) -> Event:
    """Return the event that a position belongs to."""
    line_end = _line_end(text, position)
    at = text.rfind(TRACEBACK, max(0, position - _REACH_CHARS), line_end)
    if at < 0 or _traceback(text, at)[1] < position:
        return _lines_around(text, position)
    starts = [at]
    while len(starts) < _MAX_LINKS and (earlier := _linked_before(text, starts[0])) >= 0:
        starts.insert(0, earlier)
    stop = _traceback(text, at)[1]
    while len(starts) < _MAX_LINKS and (later := _linked_after(text, stop)) >= 0:
        starts.append(later)
        stop = _traceback(text, later)[1]
    tracebacks = tuple(_line_start(text, start) for start in starts)
    start = tracebacks[0]
    if _follows_a_link(text, start):  # what it is linked to was cut off, all but its end
        start = _lines_before(text, start, _CUT_OFF_LINES)
    return Event(start, stop, tracebacks)


def exception_line(text: str, event: Event) -> str:
    """Return the line that names the innermost exception; empty if the traceback is cut off."""
    at = text.find(TRACEBACK, event.start)
    start = _traceback(text, at)[0]
    return text[start : _line_end(text, start)].strip() if start >= 0 else ""


def _traceback(text: str, at: int) -> tuple[int, int]:
    """Return where the line with the exception begins (-1: not found) and where its message ends."""
    column = _column(text, at)
    limit = min(len(text), at + _REACH_CHARS)
    start = _line_end(text, at) + 1
    while start < limit:
        end = _line_end(text, start)
        if text.find(TRACEBACK, start, end) >= 0:
            return -1, start
        for place in (start + column, start):
            if _EXCEPTION.match(text, place, end):
                return place, _message_end(text, end, place - start)
        start = end + 1
    return -1, limit


def _message_end(text: str, end: int, column: int) -> int:
    """Return where the lines end that still belong to the message of an exception."""
    for _ in range(_MESSAGE_LINES):
        start = end + 1
        if start >= len(text):
            break
        following = _line_end(text, start)
        line = text[start + column : following]
        if TRACEBACK in line or _LINK.search(line) or _LOG_RECORD.match(line):
            break
        end = following
    return end


def _column(text: str, at: int) -> int:
    """Return how many characters a container or CI log puts before each line."""
    prefix = text[_line_start(text, at) : at]
    decorated = "\u2500" in prefix or "\u256d" in prefix or _IPYTHON_HEADER.fullmatch(prefix)
    return 0 if decorated else len(prefix)


def _linked_before(text: str, at: int) -> int:
    start = _line_start(text, at)
    links = list(_LINK.finditer(text, max(0, start - _LINK_GAP_CHARS), start))
    if not links or text.count("\n", links[-1].end(), start) > _LINK_GAP_LINES:
        return -1
    return text.rfind(TRACEBACK, max(0, at - _REACH_CHARS), links[-1].start())


def _follows_a_link(text: str, start: int) -> bool:
    links = list(_LINK.finditer(text, max(0, start - _LINK_GAP_CHARS), start))
    return bool(links) and text.count("\n", links[-1].end(), start) <= _LINK_GAP_LINES


def _lines_before(text: str, start: int, lines: int) -> int:
    for _ in range(lines):
        start = _line_start(text, max(0, start - 1))
    return start


def _linked_after(text: str, stop: int) -> int:
    link = _LINK.search(text, stop, stop + _LINK_GAP_CHARS)
    if not link or text.count("\n", stop, link.start()) > _LINK_GAP_LINES:
        return -1
    return text.find(TRACEBACK, link.end(), link.end() + _LINK_GAP_CHARS)


def _lines_around(text: str, position: int) -> Event:
    stop = _line_end(text, position)
    for _ in range(_AROUND_LINES):
        stop = _line_end(text, min(len(text), stop + 1))
    return Event(_lines_before(text, _line_start(text, position), _AROUND_LINES), stop)


def _line_start(text: str, position: int) -> int:
    lowest = max(0, position - _REACH_CHARS)
    return max(text.rfind("\n", lowest, position) + 1, lowest)


def _line_end(text: str, position: int) -> int:
    highest = min(len(text), position + _REACH_CHARS)
    end = text.find("\n", position, highest)
    return highest if end < 0 else end
