"""How a run ended, in a few lines."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.errors import ExitCode, exit_code_of
from runbook_lib.history.compare import Difference
from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_seconds
from runbook_lib.run.check import Check, Status, worst
from runbook_lib.run.folder import Run
from runbook_lib.run.record import RawFacts

REPORT_NAME = "report.html"
_FROM_PRACTICE = (
    "this was practice, with small models from the built-in hub; the same with the real ones: runbook run",
    "step by step, in JupyterLab: runbook lab",
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

    @property
    def status(self) -> Status:
        """The worst status of the stages that ran."""
        return worst(outcome.status for outcome in self.outcomes)

    @property
    def failed(self) -> StageOutcome | None:
        """The stage that failed; None when none did."""
        return next((outcome for outcome in self.outcomes if outcome.status is Status.FAIL), None)

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
        return f"runbook run --run-dir {shlex.quote(str(self.folder))} --resume"

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
            return f"A document converts on this machine, now, with the network cut off{scope}."
        return "The stages that ran ended well; nothing was converted in this run."

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

    def next_commands(self) -> tuple[str, ...]:
        """Return the commands that lead on, from a failure or from practice; empty when nothing is left to do."""
        if self.failed is None:
            return _FROM_PRACTICE if self.practice and self.proved else ()
        if self.is_interrupted:
            return (f"finished stages are kept; go on with: {self.resume_command}",)
        folder = shlex.quote(str(self.folder))
        check = self.failed.failed_check
        fix = (
            (f"fix it: {check.fixed_by.words} --run-dir {folder}",)
            if check and check.fixed_by is FixedBy.REPAIR
            else ()
        )
        given = " ".join(f"-p {name} {shlex.quote(value)}" for name, value in self.asked)
        return (
            *fix,
            f"go on after fixing: {self.resume_command}",
            f"or anew with another setting: {' '.join(filter(None, ('runbook run', given)))} -p NAME VALUE",
        )

    def sections(self) -> Sequence[Section]:
        """Return the stages, then the verdict, then what to do, then where it is kept."""
        rows = tuple(
            (outcome.status.value, outcome.stage, format_seconds(outcome.elapsed_s), outcome.said)
            for outcome in self.outcomes
        )
        advice, following = self.advice(), self.next_commands()
        return (
            Table("Stages", ("status", "stage", "took", "result"), rows),
            Note("Verdict", (self.verdict(),)),
            *((Note("What failed", advice),) if advice else ()),
            *((self.changed.table(),) if self.changed else ()),
            *((Note("Next", following),) if following else ()),
            Note("Kept in", (str(self.folder), f"report: {self.folder / REPORT_NAME}")),
        )


def summarise(run: Run, outcomes: Sequence[StageOutcome]) -> RunSummary:
    """Join the outcomes with what the convert record proves."""
    converted = any(outcome.stage == "convert" and outcome.status is not Status.FAIL for outcome in outcomes)
    checks = run.read("convert", RawFacts).checks if converted and run.has("convert") else ()
    proof = next((check for check in checks if check.id == "converted" and check.status is Status.OK), None)
    header = run.header()
    asked = tuple(
        (name, str(value))
        for name, value in header.settings.items()
        if header.origins.get(name) == "parameter" and name != "run_dir"
    )
    return RunSummary(
        folder=run.folder,
        outcomes=tuple(outcomes),
        proved=proof is not None,
        covers=proof.evidence if proof and "; " in proof.evidence else "",
        asked=asked,
        practice=header.practice,
    )
