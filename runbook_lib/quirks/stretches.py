"""Which stretches of a log are looked at closely: a short log whole, of a long one what stands around telling words.

One pass with the Aho-Corasick algorithm finds every literal of every pattern, and every word of failure. Lines that
differ only in numbers are one *shape*; a shape is looked at `_EXAMINED` times and afterwards only counted. What one
word can lead to is bounded by `_WORD_CHARS`, so that no log, however long or odd, costs more than a fixed sum.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from runbook_lib.quirks.literals import literals_of
from runbook_lib.quirks.log_text import Window
from runbook_lib.quirks.signs import FAILURE_WORDS, SUCCESS_WORDS

WHOLE_CHARS = 1 << 18
"""A log up to this size is looked at whole."""

_BEFORE_CHARS = 24_000
_AFTER_CHARS = 12_000
_AROUND_CHARS = 5_000
"""What is looked at on both sides of a general word of failure, where wrapped text may hide a literal."""
_TAIL_CHARS = 16_000
_EXAMINED = 3
_WORD_CHARS = 400_000
_GENERAL_CHARS = 1_000_000
_GENERAL_LINES = 20_000
_KEPT_CHARS = 24
_BEHIND_CHARS = 1024
_REACH_CHARS = 4096
_SHAPE_CHARS = 160
_MASK = str.maketrans("0123456789abcdef", "0" * 16)


@dataclass(frozen=True)
class Stretch:
    """A part of a window to look at closely."""

    text: str
    line_number: int
    """The number of its first line."""
    final: bool
    """The log ends with it."""


@dataclass
class StretchFinder:
    """Looks at the windows of one log, in order."""

    literals: Sequence[str]
    repeats: Counter[int] = field(default_factory=Counter)
    """How often the shape of a line was only counted; by the number of the line that was looked at."""
    last_repeat: dict[int, int] = field(default_factory=dict)
    """The number of the last line of that shape."""
    last_success: int = 0

    def __post_init__(self) -> None:
        self._special = len(self.literals)
        self._general = self._special + len(FAILURE_WORDS)
        self._shapes: dict[tuple[int, str, str], list[int]] = {}
        self._spent: Counter[int] = Counter()
        self._general_chars = self._general_lines = 0

    def stretches(self, window: Window) -> Iterator[Stretch]:
        """Yield what of this window is to be looked at, in order, without overlaps."""
        if window.final and window.start == 0 and len(window.text) <= WHOLE_CHARS:
            yield Stretch(window.text, window.line_number, final=True)
            return
        bounds = self._bounds(window)
        if window.final:
            bounds.append((max(0, len(window.text) - _TAIL_CHARS), len(window.text)))
        for low, high in _merged(bounds):
            start, stop = _at_lines(window.text, low, high)
            last = window.final and stop == len(window.text)
            yield Stretch(window.text[start:stop], window.line_number_at(start), last)

    def _bounds(self, window: Window) -> list[tuple[int, int]]:
        text, spent = window.text, self._general_chars > _GENERAL_CHARS or self._general_lines > _GENERAL_LINES
        words = () if spent and not window.final else (*FAILURE_WORDS, *SUCCESS_WORDS)
        found = literals_of((*self.literals, *words), quick=True).find(text[window.start : window.stop + _KEPT_CHARS])
        bounds: list[tuple[int, int]] = []
        line_start, line_end, seen = 0, -1, set[int]()
        for index, offset, _ in found:
            at = window.start + offset
            if at >= window.stop:
                continue
            if at >= line_end:
                line_start, line_end = _line(text, at)
                seen = set()
            elif index in seen or (index >= self._special and self._special in seen):
                continue
            seen.add(min(self._special, index))
            if self._is_new(index, text, at, line_start, line_end, window):
                bounds.append(self._taken(index, at, bounds))
        return bounds

    def _is_new(self, index: int, text: str, at: int, start: int, end: int, window: Window) -> bool:
        if index >= self._general:
            self.last_success = window.line_number_at(at)
            return False
        if index >= self._special:
            self._general_lines += 1
            if self._general_chars > _GENERAL_CHARS:
                return False
            index = self._special
        elif self._spent[index] > _WORD_CHARS:
            return False
        kept = text[at : min(end, at + _KEPT_CHARS)] if index < self._special else ""
        shape = text[max(start, at - _SHAPE_CHARS) : min(end, at + _SHAPE_CHARS)].translate(_MASK)
        examined = self._shapes.setdefault((index, kept, shape), [])
        if len(examined) < _EXAMINED:
            examined.append(window.line_number_at(at))
            return True
        self.repeats[examined[0]] += 1
        self.last_repeat[examined[0]] = window.line_number_at(at)
        return False

    def _taken(self, index: int, at: int, bounds: list[tuple[int, int]]) -> tuple[int, int]:
        around = _AROUND_CHARS if index >= self._special else 0
        start, stop = max(0, at - (around or _BEFORE_CHARS)), at + (around or _AFTER_CHARS)
        cost = stop - max(start, bounds[-1][1] if bounds else 0)
        if index >= self._special:
            self._general_chars += cost
        else:
            self._spent[index] += cost
        return start, stop


def _line(text: str, at: int) -> tuple[int, int]:
    """Return the bounds of a line; of a very long one those of a piece of it."""
    low, high = max(0, at - _BEHIND_CHARS), min(len(text), at + _REACH_CHARS)
    end = text.find("\n", at, high)
    return max(text.rfind("\n", low, at) + 1, low), high if end < 0 else end


def _merged(bounds: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start, stop = -1, -1
    for low, high in sorted(bounds):
        if low > stop:
            if stop >= 0:
                yield start, stop
            start, stop = low, high
        else:
            stop = max(stop, high)
    if stop >= 0:
        yield start, stop


def _at_lines(text: str, start: int, stop: int) -> tuple[int, int]:
    """Return the bounds moved to the ends of lines, unless a line is longer than what stands before a word."""
    line_start = text.rfind("\n", max(0, start - _BEFORE_CHARS), start) + 1
    line_end = text.find("\n", stop, stop + _BEFORE_CHARS)
    return line_start or start, min(len(text), line_end if line_end >= 0 else stop)
