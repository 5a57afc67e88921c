"""A rule: what it looks for, why, what fixes it, and an example of each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.repository import ParsedSource, Repository


@dataclass(frozen=True)
class Hit:
    """Where in one source a rule is broken; lines are those of the source's own text."""

    line: int
    message: str
    column: int | None = None
    end_line: int | None = None
    scope: tuple[int, int] | None = None
    """First and last line of the statement; a silence anywhere in it counts. Without it: the line alone."""
    severity: Severity | None = None
    """Set where this place is less bad than the rule says."""


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
