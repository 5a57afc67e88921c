"""Finds the quirks in a log: literals first, then patterns, then the company a line stands in.

The work is bounded whatever the log: a quirk is counted `MAX_OCCURRENCES` times and then no longer looked for, the
company of a clue is examined up to `MAX_COMPANY_CHARS` in all, and a long line is seen in stretches of about
`REACH_CHARS` characters.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runbook_lib.core.masking import mask_secrets
from runbook_lib.quirks.events import TRACEBACK, Event, event_at, exception_line
from runbook_lib.quirks.log_text import Window
from runbook_lib.quirks.model import Clue, Quirk
from runbook_lib.quirks.patterns import required_literals

MAX_OCCURRENCES = 100
MAX_COMPANY_CHARS = 10_000_000
REACH_CHARS = 4096
EXCERPT_CHARS = 300
_BEHIND_CHARS = 1024
_QUIET_CHARS = 2000
_LOOK_CHARS = 2000
"""What finding an event costs, in characters searched."""

_ERROR_WORDS = ("ERROR", "CRITICAL", "FATAL", "Error:", "error:", "Exception:", "panicked at")


@dataclass(frozen=True)
class Hit:
    """One line in which a quirk was recognised."""

    quirk: Quirk
    line_number: int
    column: int
    line: str
    """Printable, secrets starred out, at most `EXCERPT_CHARS` around the match; only for the first line so far."""
    event: int
    """The number of the line the event begins with."""
    depth: int
    """0 in the innermost traceback of a chain."""
    traced: bool
    """The line stands in a traceback."""


@dataclass(eq=False)
class _Rule:
    quirk: Quirk
    line: re.Pattern[str]
    near: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    last: bool
    examined_chars: int = 0

    def fits(self, window: Window, match: re.Match[str]) -> bool:
        """Say whether the company of a matching line is the one the clue asks for."""
        if self.last and not _is_last_line(window, match.end()):
            return False
        if self.near is None and self.unless is None:
            return True
        event = event_at(window.text, match.start())
        self.examined_chars += _LOOK_CHARS + event.stop - event.start
        return _holds(self.near, window.text, event, empty=True) and not _holds(
            self.unless, window.text, event, empty=False
        )


@dataclass
class _Group:
    """The rules that one literal leads to."""

    literal: str
    rules: list[_Rule]

    def __post_init__(self) -> None:
        self.keep(self.rules)

    def keep(self, rules: list[_Rule]) -> None:
        """Go on with these rules only; `any_line` matches where at least one of them does."""
        self.rules = rules
        self.any_line = re.compile("|".join(rule.line.pattern for rule in rules))


@dataclass
class Scanner:
    """Looks at the windows of one log, in order."""

    quirks: Iterable[Quirk]
    hits: list[Hit] = field(default_factory=list)
    _lines: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _last_exception: str = ""
    _last_error: str = ""

    def __post_init__(self) -> None:
        self._groups = _grouped(
            _rule(quirk, clue)
            for quirk in self.quirks
            for clue in (*(Clue(line=pattern) for pattern in quirk.patterns), *quirk.clues)
        )

    @property
    def innermost(self) -> str | None:
        """The line that names the innermost exception of the last traceback, or else the last line with an error."""
        return self._last_exception or self._last_error or None

    def scan(self, window: Window) -> None:
        """Record what is recognised in the stretch that the window is responsible for."""
        for group in self._groups:
            if group.rules:
                self._scan_group(group, window)
        self._note_errors(window)

    def _scan_group(self, group: _Group, window: Window) -> None:
        for start, stop in _lines_with(group.literal, window):
            if not group.any_line.search(window.text, start, stop):
                continue
            for rule in group.rules:
                match = rule.line.search(window.text, start, stop)
                if match and self._is_news(rule, window, match) and rule.fits(window, match):
                    self._record(rule.quirk, window, match, start, stop)
            if not all(map(self._is_live, group.rules)):
                group.keep([rule for rule in group.rules if self._is_live(rule)])
            if not group.rules:
                return

    def _is_news(self, rule: _Rule, window: Window, match: re.Match[str]) -> bool:
        return window.line_number_at(match.start()) not in self._lines[rule.quirk.id]

    def _is_live(self, rule: _Rule) -> bool:
        return rule.examined_chars < MAX_COMPANY_CHARS and len(self._lines[rule.quirk.id]) < MAX_OCCURRENCES

    def _record(self, quirk: Quirk, window: Window, match: re.Match[str], start: int, stop: int) -> None:
        line_number = window.line_number_at(match.start())
        seen = self._lines[quirk.id]
        event = event_at(window.text, match.start())
        is_first = line_number < min(seen, default=line_number + 1)
        seen.add(line_number)
        self.hits.append(
            Hit(
                quirk=quirk,
                line_number=line_number,
                column=match.start() - start,
                line=_excerpt(window.text[start:stop], match.start() - start) if is_first else "",
                event=window.line_number_at(event.start),
                depth=event.depth(match.start()),
                traced=bool(event.tracebacks),
            )
        )

    def _note_errors(self, window: Window) -> None:
        at = window.text.rfind(TRACEBACK, window.start, window.stop)
        if at >= 0 and (line := exception_line(window.text, event_at(window.text, at))):
            self._last_exception = _excerpt(line, 0)
        last = max(window.text.rfind(word, window.start, window.stop) for word in _ERROR_WORDS)
        if last >= 0:
            start, stop = _line_bounds(window.text, last)
            self._last_error = _excerpt(window.text[start:stop], last - start)


def _grouped(rules: Iterable[_Rule]) -> list[_Group]:
    """Sort the rules by the literal to look for; where one literal holds another, the shorter finds both."""
    pairs = [(literal, rule) for rule in rules for literal in required_literals(rule.line.pattern)]
    literals = {literal for literal, _ in pairs}
    by_literal: dict[str, dict[_Rule, None]] = defaultdict(dict)
    for literal, rule in pairs:
        shortest = min((other for other in literals if other in literal), key=len)
        by_literal[shortest][rule] = None
    return [_Group(literal, list(found)) for literal, found in by_literal.items()]


def _rule(quirk: Quirk, clue: Clue) -> _Rule:
    near = re.compile(clue.near) if clue.near else None
    unless = re.compile(clue.unless) if clue.unless else None
    return _Rule(quirk, re.compile(clue.line), near, unless, clue.last)


def _holds(pattern: re.Pattern[str] | None, text: str, event: Event, *, empty: bool) -> bool:
    return empty if pattern is None else pattern.search(text, event.start, event.stop) is not None


def _lines_with(literal: str, window: Window) -> Iterator[tuple[int, int]]:
    """Yield the bounds of each line that holds the literal; of a very long line, of each stretch of it."""
    limit = min(len(window.text), window.stop + len(literal) - 1)
    position = window.text.find(literal, window.start, limit)
    while position >= 0:
        start, stop = _line_bounds(window.text, position)
        yield start, stop
        beyond = stop if stop < position + REACH_CHARS else stop - _BEHIND_CHARS
        position = window.text.find(literal, beyond, limit)


def _line_bounds(text: str, position: int) -> tuple[int, int]:
    """Return the bounds of the line, ended by a line feed or the carriage return of a progress bar."""
    low, high = max(0, position - _BEHIND_CHARS), min(len(text), position + REACH_CHARS)
    start = max(text.rfind("\n", low, position) + 1, text.rfind("\r", low, position) + 1, low)
    ends = (text.find("\n", position, high), text.find("\r", position, high))
    return start, min((end for end in ends if end >= 0), default=high)


def _is_last_line(window: Window, position: int) -> bool:
    """Say whether at most one more line with text follows."""
    if not window.final or len(window.text) - position > _QUIET_CHARS:
        return False
    following = window.text[position:].splitlines()[1:]
    return sum(1 for line in following if line.strip()) <= 1


def _excerpt(line: str, column: int) -> str:
    masked = mask_secrets(line)
    start = max(0, min(column - EXCERPT_CHARS // 4, len(masked) - EXCERPT_CHARS))
    shown = masked[start : start + EXCERPT_CHARS]
    printable = "".join(character if character.isprintable() else " " for character in shown).strip()
    before, after = "... " if start else "", " ..." if start + EXCERPT_CHARS < len(masked) else ""
    return f"{before}{printable}{after}"
