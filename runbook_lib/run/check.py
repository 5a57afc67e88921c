"""The words a record is made of: status, check, change, artifact."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from runbook_lib.core.value import StrictValue

SCHEMA_VERSION: Final = 1
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


class Check(StrictValue):
    """One question asked of the machine, and its answer."""

    id: str
    """Kebab-case, stable: scripts may key on it."""
    title: str
    status: Status
    evidence: str
    """What was seen, not what was concluded."""
    remedy: str = ""
    """What to do; empty when there is nothing to do."""
    quirk: str = ""
    """Id of the catalogue entry that explains the failure."""
    mended_by: str = ""
    """The notebook or command that mends it."""

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
        mended_by: str = "",
    ) -> "Check":
        """Return an `ok` check, or one with status `otherwise` and what helps against it."""
        if passed:
            return cls(id=id, title=title, status=Status.OK, evidence=evidence)
        return cls(
            id=id,
            title=title,
            status=otherwise,
            evidence=evidence,
            remedy=remedy,
            quirk=quirk,
            mended_by=mended_by,
        )


class Change(StrictValue):
    """One thing a stage changed on the machine."""

    what: str
    before: str
    after: str


class Artifact(StrictValue):
    """A file a stage left in the run folder beside its record."""

    name: str
    """Path relative to the run folder, with forward slashes."""
    title: str
    alternative: str = ""
    """For a picture: what it shows, in words."""
