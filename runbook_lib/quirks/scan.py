"""Finds the quirks in a log: what of it tells, the readings of that, the rules that match, the company they stand in.

The work is bounded whatever the log: `stretches` bounds what is looked at, a quirk is recorded in `MAX_OCCURRENCES`
lines and then no longer looked for, and the company of rules is examined up to `MAX_COMPANY_CHARS` in all.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from runbook_lib.core.masking import mask_secrets
from runbook_lib.quirks.events import event_at, exception_line
from runbook_lib.quirks.log_text import Window
from runbook_lib.quirks.model import Clue, Quirk
from runbook_lib.quirks.prefixes import TRACEBACK, is_code
from runbook_lib.quirks.readings import Reading, readings
from runbook_lib.quirks.rules import Match, RuleBook
from runbook_lib.quirks.signs import is_quiet, is_warned_by_python, is_warning, last_failure, last_success
from runbook_lib.quirks.stretches import Stretch, StretchFinder

MAX_OCCURRENCES = 100
MAX_COMPANY_CHARS = 10_000_000
EXCERPT_CHARS = 300
_LETTER = re.compile(r"\S")
_QUIET_CHARS = 2000
_LOOK_CHARS = 2000
"""What finding an event costs, in characters searched."""


Place = tuple[int, int, int]
"""The number of a line of the log, how many levels of escaping were taken off, and the line of that reading."""

NOWHERE: Place = (0, 0, 0)


@dataclass(frozen=True)
class Hit:
    """One line in which a quirk was recognised."""

    quirk: Quirk
    clue: Clue
    place: Place
    column: int
    event: int
    """The number of the line the event begins with."""
    depth: int
    """0 in the innermost traceback of a chain."""
    traced: bool
    """The line stands in a traceback."""
    warning: bool
    """The line calls itself a warning."""
    passed_over: bool
    """Python's `warnings` told it, and the program went on."""

    @property
    def line_number(self) -> int:
        """The number of the line of the log."""
        return self.place[0]

    def tells_more_than(self, other: "Hit") -> bool:
        """Say whether this is the better evidence: an error, not a warning; the innermost exception; the first."""
        return self.order < other.order

    @property
    def order(self) -> tuple[bool, bool, int, Place, int]:
        """What evidence is sorted by, the best first."""
        return self.warning and not self.traced, not self.traced, self.depth, self.place, self.column


@dataclass
class Scanner:
    """Looks at the windows of one log, in order."""

    book: RuleBook
    hits: list[Hit] = field(default_factory=list)
    evidence: dict[str, tuple[Hit, str]] = field(default_factory=dict)
    """By the id of the quirk: the hit that tells most, and its line: printable, secrets starred out, capped."""
    last_success: Place = NOWHERE
    """Where the log tells of success for the last time."""
    last_failure: Place = NOWHERE
    last_exception: str = ""
    """The line that names the innermost exception of the last traceback."""
    _lines: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _examined_chars: int = 0
    _last_error: str = ""

    def __post_init__(self) -> None:
        self._finder = StretchFinder(self.book.literals)

    @property
    def innermost(self) -> str | None:
        """The line that names the innermost exception of the last traceback, or else the last line with an error."""
        return self.last_exception or self._last_error or None

    def scan(self, window: Window) -> None:
        """Record what is recognised in the stretch that the window is responsible for."""
        for stretch in self._finder.stretches(window):
            self._scan_stretch(stretch)
        self.last_success = max(self.last_success, (self._finder.last_success, 0, 0))

    def repeats_of(self, line_number: int) -> int:
        """Return how many more lines are like this one but for their numbers."""
        return self._finder.repeats[line_number]

    def last_like(self, line_number: int) -> int:
        """Return the number of the last line that is like this one but for its numbers."""
        return self._finder.last_repeat.get(line_number, line_number)

    def _scan_stretch(self, stretch: Stretch) -> None:
        for reading in readings(stretch.text, stretch.line_number):
            for match in self.book.matches(reading):
                if self._is_news(match) and not (match.rule.clue.last and not _is_last_line(stretch, match)):
                    self._consider(match)
            if not reading.squeezed:
                self._note_outcome(reading)

    def _is_news(self, match: Match) -> bool:
        seen = self._lines[match.rule.quirk.id]
        if len(seen) >= MAX_OCCURRENCES or (match.rule.asks_for_company and self._examined_chars >= MAX_COMPANY_CHARS):
            return False
        return seen.isdisjoint(match.reading.line_numbers_at(match.position))

    def _consider(self, match: Match) -> None:
        reading, rule = match.reading, match.rule
        line = _line(match)
        if _only_names(match, line):
            return
        event = match.event()
        self._examined_chars += _LOOK_CHARS + (event.stop - event.start if rule.asks_for_company else 0)
        if not rule.fits(reading, event, line):
            return
        plain = reading.beside or reading
        where = match.position if reading.beside is None else plain.line_starts[reading.line_index_at(match.position)]
        self._lines[rule.quirk.id].add(reading.line_number_at(match.position))
        hit = Hit(
            quirk=rule.quirk,
            clue=rule.clue,
            place=_place(reading, match.position),
            column=match.position - match.line_start,
            event=plain.line_number_at(event.start),
            depth=event.depth(where),
            traced=bool(event.tracebacks),
            warning=is_warning(line),
            passed_over=not event.tracebacks and _is_passed_over(plain.lines, plain.line_index_at(where), line),
        )
        self.hits.append(hit)
        best = self.evidence.get(rule.quirk.id)
        if best is None or hit.tells_more_than(best[0]):
            self.evidence[rule.quirk.id] = hit, _excerpt(line, 0 if reading.squeezed else hit.column)

    def _note_outcome(self, reading: Reading) -> None:
        """Remember the last error and where failure and success were told last."""
        text = reading.text
        at = text.rfind(TRACEBACK)
        if at >= 0 and (line := exception_line(text, event_at(text, at))):
            self.last_exception = _excerpt(line, 0)
        if (failed := last_failure(text)) >= 0:
            self.last_failure = max(self.last_failure, _place(reading, failed))
            self._last_error = _excerpt(text[failed:].split("\n", 1)[0], 0)
        if (went_well := last_success(text)) >= 0:
            self.last_success = max(self.last_success, _place(reading, went_well))


def _place(reading: Reading, position: int) -> Place:
    return reading.line_number_at(position), reading.level, reading.line_index_at(position)


def _line(match: Match) -> str:
    """Return the line of a match, what was wrapped joined with spaces."""
    reading = match.reading
    if reading.beside is None:
        return reading.text[match.line_start : match.line_stop]
    return reading.beside.unwrapped(reading.line_index_at(match.position))[0]


def _only_names(match: Match, line: str) -> bool:
    """Say whether the words of a match are source code, or the name of a test, a package or a header."""
    reading, at = match.reading, match.position - match.line_start
    index = reading.line_index_at(match.position)
    if is_code((reading.beside or reading).lines, index):
        return True
    if reading.squeezed:
        letters = (found.start() for found in _LETTER.finditer(line))
        return is_quiet(line, next(islice(letters, at, None), 0))
    if is_quiet(line, at):
        return True
    whole, start = reading.unwrapped(index)
    return start > 0 and is_quiet(whole, start)


def _is_passed_over(lines: Sequence[str], index: int, line: str) -> bool:
    """Say whether a line is a warning of Python's, or the first one of its text after an empty line."""
    before = lines[index - 1].rstrip() if index else ""
    return is_warned_by_python(line) or (before.endswith("Warning:") and is_warned_by_python(before))


def _is_last_line(stretch: Stretch, match: Match) -> bool:
    """Say whether at most one more line with text follows."""
    text = match.reading.text
    if not stretch.final or len(text) - match.position > _QUIET_CHARS:
        return False
    following = text[match.position :].splitlines()[1:]
    return sum(1 for line in following if line.strip()) <= 1


def _excerpt(line: str, column: int) -> str:
    masked = mask_secrets(line)
    start = max(0, min(column - EXCERPT_CHARS // 4, len(masked) - EXCERPT_CHARS))
    shown = masked[start : start + EXCERPT_CHARS]
    printable = "".join(character if character.isprintable() else " " for character in shown).strip()
    before, after = "... " if start else "", " ..." if start + EXCERPT_CHARS < len(masked) else ""
    return f"{before}{printable}{after}"
