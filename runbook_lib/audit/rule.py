"""A rule: what it looks for, why, what fixes it, and an example of each."""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ahocorasick_rs import BytesAhoCorasick

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.repository import ParsedSource, Repository
from runbook_lib.audit.sources.kinds import Kind
from runbook_lib.audit.sources.subject import as_bytes


@dataclass(frozen=True)
class Hit:
    """Where in one source a rule is broken; lines are those of the source's own text."""

    line: int
    message: str
    column: int | None = None
    end_line: int | None = None
    scope: tuple[int, int] | None = None
    """First and last line of the statement; a suppression anywhere in it counts. Without it: the line alone."""
    severity: Severity | None = None
    """Set where this place is better or worse than the rule says."""


Check = Callable[[ParsedSource, Repository], Iterable[Hit]]


@dataclass(frozen=True)
class Rule:
    """One thing the audit looks for."""

    id: str
    title: str
    reason: str
    remedy: str
    severity: Severity
    quirk: str
    """Id of the catalogue entry that explains the failure; empty for a rule about the audit itself."""
    bad: Mapping[str, str]
    """Files (path to text) in which this rule, and no other, finds something."""
    good: Mapping[str, str]
    """The same files put right: no rule finds anything."""
    check: Check
    kinds: tuple[Kind, ...] = ()
    """The languages it looks at; empty: all."""
    words: tuple[str, ...] = ()
    """Of which at least one stands in every text that breaks the rule; empty: any text may. Spares a syntax tree.

    A word without capitals is found in capitals, too.
    """

    def looks_at(self, kind: Kind, words: AbstractSet[str]) -> bool:
        """Tell whether the rule could find anything in a source: by its language, and by the words of rules in it."""
        return (not self.kinds or kind in self.kinds) and (not self.words or not words.isdisjoint(self.words))


class RuleWords:
    """Which words of the rules stand in a text, told in one pass: one after the other takes seven times as long."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        words = sorted({word for rule in rules for word in rule.words})
        self._of_any_case = _Finder([word for word in words if word.islower()])
        self._as_written = _Finder([word for word in words if not word.islower()])

    def in_text(self, text: str) -> AbstractSet[str]:
        """Return the words that stand in a text, also those within others."""
        data = as_bytes(text)
        return self._as_written.words_in(data) | self._of_any_case.words_in(data.lower())


class _Finder:
    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._automaton = BytesAhoCorasick([word.encode() for word in words])

    def words_in(self, data: bytes) -> set[str]:
        found = self._automaton.find_matches_as_indexes(data, overlapping=True)
        return {self._words[index] for index in {index for index, _, _ in found}}
