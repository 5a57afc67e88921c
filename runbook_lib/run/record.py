"""The record of one stage."""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import ConfigDict, Field, JsonValue, computed_field, model_validator

from runbook_lib.core.value import StrictValue
from runbook_lib.errors import StageFailed
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Cell, Link, Note, Section, Table
from runbook_lib.render.values import fix_cell, format_seconds
from runbook_lib.run.check import SCHEMA_VERSION, Artifact, Change, Check, Status, worst


class Facts(Rendered, StrictValue):
    """Base of what a stage saw; says nothing about good or bad."""


class RawFacts(Facts):
    """Facts of any stage, for readers that only need checks and artifacts."""

    model_config = ConfigDict(extra="allow")

    def sections(self) -> Sequence[Section]:
        """Return nothing: raw facts are not for reading."""
        return ()


FactsT = TypeVar("FactsT", bound=Facts)


class StageRecord(Rendered, StrictValue, Generic[FactsT]):
    """What one stage was given, saw, judged and changed; the JSON file `NN_stage.json`."""

    schema_version: Literal[2] = SCHEMA_VERSION
    practice: bool = False
    """Whether the models were practice models: random weights, proving nothing about real ones."""
    stage: str
    started_at: datetime
    elapsed_s: float
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    facts: FactsT
    checks: tuple[Check, ...] = ()
    changes: tuple[Change, ...] = ()
    artifacts: tuple[Artifact, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _status_is_derived(cls, data: object) -> object:
        """Drop the status a file carries: it is there for readers of the JSON, and follows from the checks."""
        return {name: value for name, value in data.items() if name != "status"} if isinstance(data, dict) else data

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of decorators
    @property
    def status(self) -> Status:
        """The worst status of the checks."""
        return worst(check.status for check in self.checks)

    @property
    def practice_first(self) -> str:
        """What stands before every verdict about practice models; empty for real ones."""
        return "Practice. " if self.practice else ""

    def failed(self) -> tuple[Check, ...]:
        """Return the failed checks, in their order."""
        return tuple(check for check in self.checks if check.status is Status.FAIL)

    def require(self) -> None:
        """Raise `StageFailed` when a check failed; the message names the first, its evidence and what fixes it."""
        failed = self.failed()
        if not failed:
            return
        first = failed[0]
        others = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        raise StageFailed(
            f"Stage {self.stage}: check {first.id} failed{others}: {first.title}.",
            why=first.evidence,
            remedy=" ".join(filter(None, (first.remedy, first.fixed_by and f"See {first.fixed_by.words}."))),
        )

    def sections(self) -> Sequence[Section]:
        """Return the verdict, the checks and the changes."""
        verdict = Note(f"{self.practice_first}Stage {self.stage}: {self.status}", (self._summary(),))
        return (verdict, self.check_table(), *self._changed())

    def brief(self) -> Sequence[Section]:
        """Return the verdict, the checks that need a hand and the changes."""
        needy = [check for check in self.checks if check.needs_hand]
        return (
            Note(f"{self.practice_first}Stage {self.stage}: {self.status}", (self._summary(),)),
            *((self._table(needy),) if needy else ()),
            *self._changed(),
            *self.rest_told(),
        )

    def rest_told(self) -> Sequence[Section]:
        """Return how many checks need no action and how to see them; nothing when there are none."""
        rest = sum(not check.needs_hand for check in self.checks)
        words = (
            "1 check needs no action; -v shows it." if rest == 1 else f"{rest} checks need no action; -v lists them."
        )
        return (Note("The rest", (words,)),) if rest else ()

    def _changed(self) -> Sequence[Section]:
        rows = tuple((change.what, change.before, change.after) for change in self.changes)
        return (Table("Changed on this machine", ("what", "before", "after"), rows),) if rows else ()

    def check_table(self) -> Table:
        """Return the checks as a table, what needs a hand first; without remedies when nothing needs one."""
        return self._table(sorted(self.checks, key=lambda check: not check.needs_hand))

    def _table(self, ordered: Sequence[Check]) -> Table:
        columns = ("status", "check", "evidence", "known as", "what to do", "fixed by")
        rows = tuple(
            (
                check.status.value,
                check.title,
                check.evidence,
                _quirk_link(check),
                check.remedy,
                fix_cell(check.fixed_by),
            )
            for check in ordered
        )
        shown = len(columns) if any(check.remedy for check in ordered) else columns.index("known as")
        return Table("Checks", columns[:shown], tuple(row[:shown] for row in rows), empty="no check was made")

    def counts(self) -> str:
        """Return how many checks ended how, worst first; empty without checks."""
        numbers = {status: sum(check.status is status for check in self.checks) for status in reversed(Status)}
        return ", ".join(f"{number} {status.value}" for status, number in numbers.items() if number)

    def _summary(self) -> str:
        return f"{self.counts() or 'no checks'}; {len(self.changes)} changes; took {format_seconds(self.elapsed_s)}"


def _quirk_link(check: Check) -> Cell:
    """Link to the catalogue as seen from a notebook; docs/quirks.md has an anchor for every id."""
    return Link(check.quirk, f"../docs/quirks.md#{check.quirk}") if check.quirk else ""
