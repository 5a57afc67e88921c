"""Which run folders are kept, and why: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from runbook_lib.core.keep_rules import KeepRules
from runbook_lib.run.life import Life


@dataclass(frozen=True)
class RunFolder:
    """What deciding about a run folder takes."""

    folder: Path
    began_at: datetime
    life: Life
    worked: bool
    """Whether a document was converted and nothing failed."""
    ended_well: bool


@dataclass(frozen=True)
class Decision:
    """Whether a run folder stays, and for which reason."""

    run: RunFolder
    keep: bool
    reason: str


def decide(runs: Sequence[RunFolder], rules: KeepRules, now: datetime) -> tuple[Decision, ...]:
    """Return a decision for every run folder, the newest first.

    Beside what the rules keep, a run that lives, the newest run and the newest that worked are never let go: without
    the last there is nothing to compare a failure with. A run that lies ahead of this clock is kept.
    """
    ordered = sorted(runs, key=lambda run: (run.began_at, run.folder.name), reverse=True)
    newest_good = next((run for run in ordered if run.worked), None)
    return tuple(_decision(place, run, rules, now, newest_good) for place, run in enumerate(ordered))


def _decision(place: int, run: RunFolder, rules: KeepRules, now: datetime, newest_good: RunFolder | None) -> Decision:
    kept_days = rules.days if run.ended_well else max(filter(None, (rules.days, rules.failed_days)), default=None)
    age = now - run.began_at
    reasons = (
        (run.life is Life.LIVING, "it is going on"),
        (place == 0, "the newest"),
        (run is newest_good, "the newest that worked"),
        (age < timedelta(0), "it lies ahead of this clock"),
        (rules.runs is not None and place < rules.runs, f"among the newest {rules.runs}"),
        (
            kept_days is not None and age < timedelta(days=kept_days),
            f"younger than {kept_days} days" if run.ended_well else f"it failed, and is younger than {kept_days} days",
        ),
    )
    reason = next((words for holds, words in reasons if holds), "")
    return Decision(run, bool(reason), reason or f"{age.days} days old, and no rule keeps it ({rules})")
