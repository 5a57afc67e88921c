"""A rule: what it looks for, why, what fixes it, and an example of each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.repository import ParsedSource, Repository
from runbook_lib.audit.sources.kinds import Kind


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
    """Of which at least one stands in every text that breaks the rule; empty: any text may. Spares a syntax tree."""

    def looks_at(self, source: ParsedSource) -> bool:
        """Tell whether the rule could find anything in a source: by its language, and by the words in it."""
        return (not self.kinds or source.kind in self.kinds) and (not self.words or source.mentions(*self.words))
