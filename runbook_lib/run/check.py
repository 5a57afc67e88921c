"""The words a record is made of: status, check, change, artifact."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.value import Masked, StrictValue

SCHEMA_VERSION: Final = 2
"""Version of the JSON a run leaves on disk; docs/records.md describes it."""


class Status(StrEnum):
    """How a check, a stage or a run ended, from the mildest to the worst."""

    SKIP = "skip"
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_SEVERITY = {status: rank for rank, status in enumerate(Status)}


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of the statuses; `skip` when there is none."""
    return max(statuses, key=_SEVERITY.__getitem__, default=Status.SKIP)


@dataclass(frozen=True)
class Verdict:
    """The answer to one question, without the question."""

    status: Status
    evidence: str
    """What was seen, not what was concluded."""
    remedy: str = ""
    """What to do; empty when there is nothing to do."""
    fixed_by: FixedBy = FixedBy.NOTHING
    quirk: str = ""
    """Id of the catalogue entry that explains the failure, where the question does not name it already."""

    @property
    def needs_hand(self) -> bool:
        """Whether somebody should act."""
        return self.status in (Status.WARN, Status.FAIL)


def ok(evidence: str) -> Verdict:
    """Return the answer that nothing is to be done."""
    return Verdict(Status.OK, evidence)


def skip(evidence: str) -> Verdict:
    """Return the answer that the question does not arise here, or cannot be answered."""
    return Verdict(Status.SKIP, evidence)


def warn(evidence: str, remedy: str, *, fixed_by: FixedBy = FixedBy.NOTHING, quirk: str = "") -> Verdict:
    """Return the answer that somebody should act."""
    return Verdict(Status.WARN, evidence, remedy, fixed_by, quirk)


def fail(evidence: str, remedy: str, *, fixed_by: FixedBy = FixedBy.NOTHING, quirk: str = "") -> Verdict:
    """Return the answer that nothing will work before somebody acts."""
    return Verdict(Status.FAIL, evidence, remedy, fixed_by, quirk)


class Check(StrictValue):
    """One question asked of the machine, and its answer."""

    id: str
    """Kebab-case, stable: scripts may key on it."""
    title: Masked
    """What is so when all is well."""
    status: Status
    evidence: Masked
    """What was seen, not what was concluded."""
    remedy: Masked = ""
    """What to do; empty when there is nothing to do."""
    quirk: str = ""
    """Id of the catalogue entry that explains the failure."""
    fixed_by: FixedBy = FixedBy.NOTHING

    @classmethod
    def answered(cls, id: str, title: str, verdict: Verdict, *, quirk: str = "") -> "Check":  # noqa: A002
        """Join question and answer; `quirk` is what a bad answer foresees, and is named only when one came."""
        return cls(
            id=id,
            title=title,
            status=verdict.status,
            evidence=verdict.evidence,
            remedy=verdict.remedy,
            quirk=(verdict.quirk or quirk) if verdict.needs_hand else "",
            fixed_by=verdict.fixed_by,
        )

    @classmethod
    def judged(
        cls,
        id: str,  # noqa: A002 - the field's name
        title: str,
        passed: bool,
        evidence: str,
        *,
        otherwise: Status = Status.FAIL,
        remedy: str = "",
        quirk: str = "",
        fixed_by: FixedBy = FixedBy.NOTHING,
    ) -> "Check":
        """Return an `ok` check, or one with status `otherwise` and what helps against it."""
        return cls.answered(
            id, title, ok(evidence) if passed else Verdict(otherwise, evidence, remedy, fixed_by, quirk)
        )

    @property
    def needs_hand(self) -> bool:
        """Whether somebody should act."""
        return self.status in (Status.WARN, Status.FAIL)

    def advice(self) -> tuple[str, ...]:
        """Return what was seen, what to do and what does it, each as a line that is not empty."""
        lines = (
            self.evidence,
            self.remedy and f"What to do: {self.remedy}",
            self.fixed_by and f"Fixed by: {self.fixed_by.words}",
            self.quirk and f"Known as: {self.quirk}",
        )
        return tuple(line for line in lines if line)


class Change(StrictValue):
    """One thing a stage changed on the machine."""

    what: Masked
    before: Masked
    after: Masked


class Artifact(StrictValue):
    """A file a stage left in the run folder beside its record."""

    name: str
    """Path relative to the run folder, with forward slashes."""
    title: str
    alternative: str = ""
    """For a picture: what it shows, in words."""
