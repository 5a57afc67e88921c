"""Patterns of the catalogue as rules: which literals lead to them, how they match, which company they ask for."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from runbook_lib.quirks.events import Event, event_at
from runbook_lib.quirks.literals import literals_of
from runbook_lib.quirks.model import Clue, Quirk
from runbook_lib.quirks.patterns import required_literals, squeezed, squeezed_literals
from runbook_lib.quirks.prefixes import is_code
from runbook_lib.quirks.readings import Reading, squeeze

REACH_CHARS = 4096
BEHIND_CHARS = 1024
_WRAPPED_LINES = 25


@dataclass(eq=False)
class Rule:
    """One clue of a quirk, ready to match."""

    quirk: Quirk
    clue: Clue

    @cached_property
    def line(self) -> re.Pattern[str]:
        """The pattern of the line; patterns are compiled when something leads to them."""
        return re.compile(self.clue.line)

    @cached_property
    def squeezed_line(self) -> re.Pattern[str]:
        """The pattern of the line for text without white space."""
        return re.compile(squeezed(self.clue.line))

    def __post_init__(self) -> None:
        self._beside = _Company(self.clue.beside) if self.clue.beside else None
        self._near = _Company(self.clue.near) if self.clue.near else None
        self._unless = _Company(self.clue.unless) if self.clue.unless else None

    @property
    def asks_for_company(self) -> bool:
        """Whether the lines around a match decide."""
        return self._near is not None or self._unless is not None

    def fits(self, reading: Reading, event: Event, line: str) -> bool:
        """Say whether the company of a matching line is the one the clue asks for."""
        if self._beside is not None and not self._beside.is_in(line):
            return False
        if self._near is None and self._unless is None:
            return True
        plain = reading.beside or reading
        company = plain.text[event.start : event.stop]
        if self._near is not None and not self._near.is_in(company):
            return False
        return self._unless is None or not self._unless.is_in(_without_code(company))


def _without_code(company: str) -> str:
    """Return the text without the source code that IPython and rich show around each line that was executed."""
    if "-> " not in company and "\u2771" not in company:
        return company
    lines = company.split("\n")
    return "\n".join(line for index, line in enumerate(lines) if not is_code(lines, index))


class _Company:
    """A pattern that is searched in an event, also across its line ends unless it asks where words or lines begin."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    @cached_property
    def _plain(self) -> re.Pattern[str]:
        return re.compile(self._pattern, re.MULTILINE)

    @cached_property
    def _squeezed(self) -> re.Pattern[str] | None:
        without_space = "" if r"\b" in self._pattern else squeezed(self._pattern)
        return re.compile(without_space) if without_space else None

    def is_in(self, text: str) -> bool:
        if self._plain.search(text) is not None:
            return True
        return self._squeezed is not None and self._squeezed.search(squeeze(text)) is not None


@dataclass(frozen=True)
class Match:
    """A rule found in a reading."""

    rule: Rule
    reading: Reading
    position: int
    line_start: int
    line_stop: int

    def event(self) -> Event:
        """Return the event around the match, in the reading that is not squeezed.

        Wrapped lines are more lines, and pieces of them look like the end of a traceback: their company is wider.
        """
        plain = self.reading.beside or self.reading
        index = self.reading.line_index_at(self.position)
        starts = plain.line_starts
        event = event_at(plain.text, self.position if plain is self.reading else starts[index])
        if plain is self.reading and (event.tracebacks or not plain.is_mostly_wrapped):
            return event
        first = starts[max(0, index - _WRAPPED_LINES)]
        last = starts[min(len(starts) - 1, plain.lasts.get(index, index) + _WRAPPED_LINES)]
        return replace(event, start=min(event.start, first), stop=max(event.stop, last))


class RuleBook:
    """All rules, found by their literals."""

    def __init__(self, quirks: Iterable[Quirk]) -> None:
        """Find the literals of all patterns; a tenth of a second for the whole catalogue."""
        self._rules = [Rule(quirk, clue) for quirk in quirks for clue in quirk.every_clue]
        self._plain = _Index((rule, required_literals(rule.clue.line)) for rule in self._rules)

    @cached_property
    def _squeezed(self) -> "_Index":
        """The same for logs that hold wrapped text."""
        return _Index((rule, squeezed_literals(rule.clue.line)) for rule in self._rules)

    @property
    def literals(self) -> Sequence[str]:
        """The strings of which every match in a plain text holds one."""
        return self._plain.literals

    def matches(self, reading: Reading) -> Iterator[Match]:
        """Yield each line of the reading that a rule's pattern is found in, once for each rule."""
        index = self._squeezed if reading.squeezed else self._plain
        for rule, start, stop in index.candidates(reading.text):
            pattern = rule.squeezed_line if reading.squeezed else rule.line
            found = pattern.search(reading.text, start, stop)
            if found:
                yield Match(rule, reading, found.start(), start, stop)


class _Index:
    def __init__(self, rules: Iterable[tuple[Rule, tuple[str, ...]]]) -> None:
        by_literal: dict[str, dict[Rule, None]] = defaultdict(dict)
        for rule, literals in rules:
            for literal in literals:
                by_literal[literal][rule] = None
        self.literals = list(by_literal)
        self._rules = [tuple(rules) for rules in by_literal.values()]
        self._ready = literals_of(tuple(self.literals))

    def candidates(self, text: str) -> Iterator[tuple[Rule, int, int]]:
        """Yield the rules whose literal stands in a line, with the bounds of the line or of a stretch of it."""
        done: dict[Rule, int] = {}
        start, stop = 0, -1
        for index, at, _ in self._ready.find(text):
            if at >= stop:
                start, stop = _line_bounds(text, at)
            for rule in self._rules[index]:
                if at >= done.get(rule, -1):
                    done[rule] = stop if stop < at + REACH_CHARS else stop - BEHIND_CHARS
                    yield rule, start, stop


def _line_bounds(text: str, position: int) -> tuple[int, int]:
    """Return the bounds of the line, ended by a line feed or the carriage return of a progress bar."""
    low, high = max(0, position - BEHIND_CHARS), min(len(text), position + REACH_CHARS)
    start = max(text.rfind("\n", low, position) + 1, text.rfind("\r", low, position) + 1, low)
    ends = (text.find("\n", position, high), text.find("\r", position, high))
    return start, min((end for end in ends if end >= 0), default=high)
