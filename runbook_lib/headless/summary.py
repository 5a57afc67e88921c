"""How a run ended, in a few lines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.errors import ExitCode, exit_code_of
from runbook_lib.headless.way_on import Step, Stopped, way_on
from runbook_lib.history.changes import changed_since_good
from runbook_lib.history.compare import Difference
from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.shells import Command, shells_here
from runbook_lib.render.values import format_seconds
from runbook_lib.run.check import Check, Status, worst
from runbook_lib.run.folder import REPORT_NAME, STAGES, Run
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.upkeep.repair.notes import repairs_of

_TO_DO = "what to do: "
_FROM_PRACTICE = (
    Step(
        "this was practice, with small models from the built-in hub; the same with the real ones",
        Command(("runbook", "run")),
    ),
    Step("step by step, in JupyterLab", Command(("runbook", "lab"))),
)


@dataclass(frozen=True)
class StageOutcome:
    """How one stage ended."""

    stage: str
    status: Status
    elapsed_s: float
    said: str
    """A few words for the table."""
    failed_check: Check | None = None
    problem: str = ""
    """Set when the stage ended without a record that could say it."""
    interrupted: ExitCode | None = None
    """What to end with when a signal ended it."""
    warnings: tuple[Check, ...] = ()
    """The checks that warned."""
    kept: bool = False
    """Whether it ran earlier, and its record is kept."""

    @property
    def took(self) -> str:
        """How long it took, as a cell; a stage that was skipped took nothing."""
        return "" if self.status is Status.SKIP and not self.elapsed_s else format_seconds(self.elapsed_s)


@dataclass(frozen=True)
class RunSummary(Rendered):
    """What a run comes to: a verdict, the stages, and what to do."""

    folder: Path
    outcomes: tuple[StageOutcome, ...]
    proved: bool
    """Whether this run's convert stage converted a document with the network cut off."""
    covers: str = ""
    """What was proven: the parts of the pipeline and the kinds of documents."""
    asked: tuple[tuple[str, str], ...] = ()
    """The parameters the run was started with."""
    practice: bool = False
    """Whether a practice hub served the models."""
    changed: Difference | None = None
    """What is another than in the last run that worked; None when this one did, or none is known."""
    asides: tuple[str, ...] = ()
    """What went wrong beside the stages, such as a copy; changes neither status nor exit code."""

    @property
    def ran(self) -> tuple[StageOutcome, ...]:
        """The stages of this execution, without those that are kept from an earlier one."""
        return tuple(outcome for outcome in self.outcomes if not outcome.kept)

    @property
    def status(self) -> Status:
        """The worst status of the stages that ran."""
        return worst(outcome.status for outcome in self.ran)

    @property
    def elapsed_s(self) -> float:
        """What the stages of this execution took together."""
        return sum(outcome.elapsed_s for outcome in self.ran)

    @property
    def failed(self) -> StageOutcome | None:
        """The stage that failed; None when none did."""
        return next((outcome for outcome in self.ran if outcome.status is Status.FAIL), None)

    @property
    def exit_code(self) -> ExitCode:
        """What the run tells a scheduler: whether it ended well, and if not, whether it may go through later."""
        if self.failed is None:
            return ExitCode.OK
        if self.failed.interrupted:
            return self.failed.interrupted
        check = self.failed.failed_check
        if check is None:
            return exit_code_of(self.failed.problem.partition(":")[0])
        temporary = bool(check.quirk) and load_catalogue().quirk(check.quirk).temporary
        return ExitCode.TRY_LATER if temporary else ExitCode.FAILED

    @property
    def is_interrupted(self) -> bool:
        """Whether a signal ended the run."""
        return self.failed is not None and self.failed.interrupted is not None

    @property
    def resume_command(self) -> str:
        """The command that begins with the first stage that did not end well."""
        return Command(self._resumed).text(shells_here()[0])

    def verdict(self) -> str:
        """Return the sentence everything is about; practice first."""
        return f"Practice. {self._verdict()}" if self.practice else self._verdict()

    def _verdict(self) -> str:
        if self.is_interrupted:
            return f"The run was {self.failed.said} in stage {self.failed.stage}." if self.failed else ""
        if self.failed is not None:
            return f"Stage {self.failed.stage} failed: {self.failed.said.removesuffix('.')}."
        if self.proved:
            scope = f": {self.covers}" if self.covers else ""
            return f"A document converts on this machine, now, with the network cut off{scope}.{self._with_warnings()}"
        return f"The stages that ran ended well; nothing was converted in this run.{self._with_warnings()}"

    def _with_warnings(self) -> str:
        count = len(self.warnings())
        return f" There {'is 1 warning' if count == 1 else f'are {count} warnings'}." if count else ""

    def warnings(self) -> tuple[str, ...]:
        """Return each warning in words: stage, what does not hold, what was seen and what to do."""
        return tuple(
            f"{outcome.stage}: {check.title}: no, {check.evidence.removesuffix('.')}. {check.remedy}".rstrip()
            for outcome in self.outcomes
            for check in outcome.warnings
        )

    def advice(self) -> tuple[str, ...]:
        """Return what failed, its evidence and what to do; empty when nothing failed."""
        failed = self.failed
        if failed is None or failed.interrupted:
            return ()
        check = failed.failed_check
        if check is None:
            problem = f"problem: {failed.problem}".splitlines()  # an error says what, why and what to do, a line each
            return (*problem, f"Look into {self.folder} for the executed notebook of the stage.")
        lines = (f"check: {check.title} ({check.id})", f"evidence: {check.evidence}", f"what to do: {check.remedy}")
        return (*lines, f"fixed by: {check.fixed_by.words}") if check.fixed_by else lines

    def way_on(self) -> tuple[Step, ...]:
        """Return the commands that lead on, from a failure, an interruption or practice; empty when nothing is left."""
        if self.failed is None:
            return _FROM_PRACTICE if self.practice and self.proved else ()
        if self.is_interrupted:
            return (Step("finished stages are kept; go on with", Command(self._resumed)),)
        check, problem = self.failed.failed_check, self.failed.problem
        remedy = check.remedy if check else problem.partition(_TO_DO)[2]
        fixed_by = check.fixed_by if check else FixedBy.NOTHING
        return way_on(Stopped(self.folder, self.asked, remedy, fixed_by))

    @property
    def _resumed(self) -> tuple[str, ...]:
        return ("runbook", "run", "--run-dir", str(self.folder), "--resume")

    def next_commands(self) -> tuple[str, ...]:
        """Return the same as lines, for the shells of this machine."""
        return tuple(
            f"{step.label}{f' ({shell})' if shell else ''}: {line}"
            for step in self.way_on()
            for shell, line in step.command.texts(shells_here())
        )

    def sections(self) -> Sequence[Section]:
        """Return the stages, then the verdict, then what to do, then where it is kept."""
        rows = tuple((outcome.status.value, outcome.stage, outcome.took, outcome.said) for outcome in self.outcomes)
        return (Table("Stages", ("status", "stage", "took", "result"), rows), *self.ending())

    def ending(self) -> Sequence[Section]:
        """Return the same without the stages, for who has seen them one by one."""
        advice, following = self.advice(), self.next_commands()
        warnings = (*self.warnings(), *self.asides)
        return (
            Note("Verdict", (self.verdict(), f"took {format_seconds(self.elapsed_s)}")),
            *((Note("What failed", advice),) if advice else ()),
            *((Note("Warnings", warnings),) if warnings else ()),
            *((self.changed.table(),) if self.changed else ()),
            *((Note("Next", following),) if following else ()),
            Note("Kept in", (str(self.folder), f"report: {self.folder / REPORT_NAME}")),
        )


def failed_of(outcomes: Sequence[StageOutcome]) -> StageOutcome | None:
    """Return the stage that failed, and ended the run; None when none did."""
    return next((outcome for outcome in outcomes if outcome.status is Status.FAIL), None)


def outcome_of(record: StageRecord[RawFacts], elapsed_s: float, *, kept: bool = False) -> StageOutcome:
    """Return how a stage ended, as its record tells."""
    failed = record.failed()
    warnings = tuple(check for check in record.checks if check.status is Status.WARN)
    counted = "1 check" if len(record.checks) == 1 else f"{len(record.checks)} checks"
    warned = f"; warning, does not hold: {warnings[0].title}" if warnings else ""
    more = f" and {len(warnings) - 1} more" if len(warnings) > 1 else ""
    said = f"does not hold: {failed[0].title}" if failed else f"{counted}{warned}{more}"
    return StageOutcome(
        record.stage,
        record.status,
        elapsed_s,
        f"kept from before; {said}" if kept else said,
        failed_check=failed[0] if failed else None,
        warnings=warnings,
        kept=kept,
    )


def kept_outcomes(run: Run, outcomes: Sequence[StageOutcome]) -> tuple[StageOutcome, ...]:
    """Return how the stages before the first of these ended in an earlier execution, where their records are kept.

    The repairs since then follow them.
    """
    first = STAGES.index(outcomes[0].stage) if outcomes else 0
    records = [run.read(stage, RawFacts) for stage in STAGES[:first] if run.has(stage)]
    kept = (outcome_of(record, record.elapsed_s, kept=True) for record in records)
    repairs = [note for note in repairs_of(run) if records and note.began_at > records[0].started_at]
    return (*kept, *(StageOutcome("repair", note.status, note.elapsed_s, note.said, kept=True) for note in repairs))


def summary_of(run: Run) -> RunSummary:
    """Return what a run comes to as far as its folder tells; a stage without a record failed, or was not reached."""
    header = run.header()
    outcomes: list[StageOutcome] = []
    for stage in header.stages:
        if run.has(stage):
            record = run.read(stage, RawFacts)
            outcomes.append(outcome_of(record, record.elapsed_s))
        elif header.problem and all(outcome.status is not Status.FAIL for outcome in outcomes):
            said = header.problem.splitlines()[0]
            outcomes.append(StageOutcome(stage, Status.FAIL, 0.0, said, problem=header.problem))
        else:
            outcomes.append(StageOutcome(stage, Status.SKIP, 0.0, "skipped: it was not reached"))
    return summarise(run, outcomes)


def summarise(run: Run, outcomes: Sequence[StageOutcome]) -> RunSummary:
    """Join the outcomes with those that are kept from before, what the convert record proves, and what has changed."""
    converted = any(outcome.stage == "convert" and outcome.status is not Status.FAIL for outcome in outcomes)
    checks = run.read("convert", RawFacts).checks if converted and run.has("convert") else ()
    proof = next((check for check in checks if check.id == "converted" and check.status is Status.OK), None)
    header = run.header()
    asked = tuple(
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in header.settings.items()
        if header.origins.get(name) == "parameter" and name != "run_dir"
    )
    summary = RunSummary(
        folder=run.folder,
        outcomes=(*kept_outcomes(run, outcomes), *outcomes),
        proved=proof is not None,
        covers=proof.evidence if proof and "; " in proof.evidence else "",
        asked=asked,
        practice=header.practice,
    )
    return replace(summary, changed=changed_since_good(run.folder)) if summary.failed else summary
