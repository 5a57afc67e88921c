"""The judging of stage measure disk."""

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.render.values import format_bytes
from runbook_lib.run.check import Check, Status
from runbook_lib.stages.measure_disk.facts import DiskFacts

_WASTE_WORTH_A_WORD = 0.1


def judge_disk(facts: DiskFacts) -> tuple[Check, ...]:
    """Return whether anything is stored twice, incomplete files take room, and the next revision fits."""
    return (_stored_once(facts), _incomplete(facts), _next_revision(facts))


def _stored_once(facts: DiskFacts) -> Check:
    best = min((entry.total_bytes for entry in facts.projections), default=0)
    waste = max(facts.allocated_bytes - best, 0)
    return Check.judged(
        "stored-once",
        "every content stands on disk once",
        waste <= max(best * _WASTE_WORTH_A_WORD, 1_000_000),
        f"{format_bytes(facts.allocated_bytes)} on disk, {format_bytes(best)} with hard links",
        otherwise=Status.WARN,
        remedy="Run stage download with -p links hardlink: it joins what is equal.",
        quirk="quirk-001",
    )


def _incomplete(facts: DiskFacts) -> Check:
    taken = sum(repository.incomplete_bytes for repository in facts.repositories)
    return Check.judged(
        "incomplete-files",
        "no interrupted download left anything",
        taken == 0,
        f"{format_bytes(taken)} in incomplete files that no download has touched for an hour",
        otherwise=Status.WARN,
        remedy="Remove them: runbook doctor --fix; no download resumes them.",
        quirk="incomplete-no-resume",
        fixed_by=FixedBy.DOCTOR_FIX,
    )


def _next_revision(facts: DiskFacts) -> Check:
    largest = max(
        (revision.logical_bytes for repository in facts.repositories for revision in repository.revisions), default=0
    )
    return Check.judged(
        "next-revision-fits",
        "the next revision of the largest model fits",
        facts.free_bytes >= largest,
        f"{format_bytes(largest)} at the most, {format_bytes(facts.free_bytes)} free",
        otherwise=Status.WARN,
        remedy="Free space: runbook dedupe joins copies, runbook delete removes revisions and says first what goes.",
        quirk="disk-full-cross-volume",
    )
