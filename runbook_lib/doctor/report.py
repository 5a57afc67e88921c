"""What the doctor found, and what it changed."""

from collections.abc import Sequence
from typing import Literal

from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_seconds
from runbook_lib.run.check import Check, Status
from runbook_lib.run.record import RawFacts, StageRecord


class DoctorReport(StageRecord[RawFacts]):
    """Checks without notebooks; the same JSON as the record of a stage, with the changes of `--fix`."""

    stage: Literal["doctor"] = "doctor"
    facts: RawFacts = RawFacts()
    planned: bool = False
    """Whether the changes are a plan only: nothing was touched."""

    @property
    def exit_code(self) -> int:
        """1 when a check failed; a warning is no failure."""
        return 1 if self.status is Status.FAIL else 0

    def sections(self) -> Sequence[Section]:
        """Return the verdict, what needs a hand, the changes, and every check in one line."""
        shown: list[Section] = [Note(f"Doctor: {self.status}", (self._counts(),))]
        shown += [_advice(check) for check in self.checks if check.status in (Status.FAIL, Status.WARN)]
        if self.changes:
            title = "Would be changed by --fix" if self.planned else "Changed on this machine"
            rows = tuple((change.what, change.before, change.after) for change in self.changes)
            shown.append(Table(title, ("what", "before", "after"), rows))
        lines = tuple((check.status.value, check.id, check.evidence) for check in self.checks)
        shown.append(Table("Checks", ("status", "check", "evidence"), lines, empty="no check was made"))
        return shown

    def _counts(self) -> str:
        counts = [f"{number} {status.value}" for status in reversed(Status) if (number := self._number(status))]
        return f"{', '.join(counts) or 'no checks'}; took {format_seconds(self.elapsed_s)}"

    def _number(self, status: Status) -> int:
        return sum(check.status is status for check in self.checks)


def _advice(check: Check) -> Note:
    """Return one check as a few lines, the remedy last."""
    lines = [check.evidence]
    if check.remedy:
        lines.append(f"What to do: {check.remedy}")
    more = [f"quirk {check.quirk}"] if check.quirk else []
    if check.mended_by:
        more.append(f"mended by {check.mended_by}")
    if more:
        lines.append(f"See: {', '.join(more)}")
    return Note(f"{check.status}: {check.title} ({check.id})", tuple(lines))
