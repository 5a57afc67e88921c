"""Stage 1, detect: look at the machine and judge it by the checks that the doctor makes; changes nothing."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Masked
from runbook_lib.errors import RunbookError
from runbook_lib.pipeline.answer import Answer, AnsweredBy
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.environment_plan import plan_from_scratch
from runbook_lib.run.interpreter import (
    InterpreterFacts,
    collect_answer,
    collect_interpreter,
    interpreter_of,
    packages_of,
    wanted_for,
)
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import Facts, StageRecord
from runbook_lib.run.started_stage import StartedStage
from runbook_lib.system.filesystem import FolderFacts
from runbook_lib.system.machine import MachineFacts, examine_machine
from runbook_lib.system.network import NetworkFacts
from runbook_lib.system.packages import SitePackages
from runbook_lib.system.variables import variables_of_interest

if TYPE_CHECKING:
    from runbook_lib.checks.context import ProbeContext


def detect(run: OpenRun) -> StageRecord["DetectFacts"]:
    """Look at machine, interpreter, folders, network and models, make every check, save the record.

    Asks the interpreter under examination what the doctor leaves open: whether huggingface_hub can be imported, and
    which models docling loads, unless that is known. Every network step ends after `probe_limit_s`.
    """
    from runbook_lib.checks.doctor import context_of, make_checks  # some fifty probes, of no use to who reads the facts

    stage = StartedStage(run, "detect")
    interpreter = collect_interpreter(interpreter_of(run))
    packages = packages_of(run.settings)
    answer, problem = _ask_for_models(run, interpreter, packages)
    context = context_of(
        run,
        packages=packages,
        wanted=answer.wanted,
        models_problem=problem,
        run_folder=run.folder,
        interpreter=interpreter,
    )
    checks = make_checks(context)
    return stage.finish(_facts(context, answer.by), checks)


def _ask_for_models(run: OpenRun, interpreter: InterpreterFacts, packages: SitePackages) -> tuple[Answer, str]:
    """Return the answer, and why docling could not be asked; what keeps its Hub client from loading, it is to say."""
    try:
        kept_for = wanted_for(run, interpreter.packages, interpreter.prefix)
        return collect_answer(run, kept_for, None if interpreter.hub_problem else packages, _planned(run)), ""
    except RunbookError as error:
        return Answer(wanted=Wanted(), by=AnsweredBy.ASKED), " ".join(error.lines())


def _planned(run: OpenRun) -> Mapping[str, str]:
    """Return the variables that will be planned; none where they cannot be: stage configure_env says why."""
    try:
        return plan_from_scratch(run).values()
    except RunbookError:
        return {}


def _facts(context: "ProbeContext", answered_by: AnsweredBy) -> "DetectFacts":
    """Return what the checks were judged by; each look was taken once."""
    assert context.interpreter is not None  # noqa: S101 - given above
    return DetectFacts(
        machine=examine_machine(),
        interpreter=context.interpreter,
        folders=tuple(map(context.folder, context.places)),
        variables=variables_of_interest(),
        network=context.network(),
        wanted=context.wanted,
        answered_by=answered_by,
        models_problem=context.models_problem,
        models_cached=context.models_are_cached(),
    )


class DetectFacts(Facts):
    """What stage detect saw."""

    machine: MachineFacts
    interpreter: InterpreterFacts
    folders: tuple[FolderFacts, ...]
    variables: dict[str, str]
    network: NetworkFacts | None
    """None in offline mode."""
    wanted: Wanted
    """What docling's pipeline takes."""
    answered_by: AnsweredBy = AnsweredBy.ASKED
    """Who says so."""
    models_problem: Masked
    """Why docling could not be asked; empty when it could or need not be."""
    models_cached: bool
    """Whether every file of the models stands in the cache in its full length; verify looks at the content."""

    @property
    def models(self) -> tuple[ModelRef, ...]:
        """The repositories to have."""
        return self.wanted.models

    def folder(self, role: str) -> FolderFacts:
        """Return the facts of one of the folders: cache, artifacts or run."""
        return next(facts for facts in self.folders if facts.role == role)

    def sections(self) -> Sequence[Section]:
        """Return machine, packages, folders, variables, network and models."""
        return (
            self.machine_table(),
            self.package_table(),
            self.folder_table(),
            self.variable_table(),
            self.network_table(),
            *self.wanted_sections(),
        )

    def machine_table(self) -> Table:
        """Return what kind of machine this is."""
        machine = self.machine
        wine = ", as Wine plays it" if machine.wine else ""
        rows = (
            ("operating system", f"{machine.system} {machine.release} on {machine.architecture}{wine}"),
            ("Python", f"{self.interpreter.version} at {self.interpreter.executable}"),
            ("cores", str(machine.cpu_count)),
            ("container", machine.container or "no sign of one"),
            ("CI runner", machine.ci or "no sign of one"),
            ("WSL", "yes" if machine.wsl else "no"),
            ("text encoding", machine.text_encoding),
        )
        return Table("Machine", ("what", "seen"), rows)

    def package_table(self) -> Table:
        """Return the versions that decide which remedy works."""
        rows = tuple((name, version or "not installed") for name, version in self.interpreter.packages.items())
        return Table("Packages of the interpreter under examination", ("package", "version"), rows)

    def folder_table(self) -> Table:
        """Return what each folder can do, as tried."""
        rows = tuple(
            (
                folder.role,
                str(folder.path),
                folder.filesystem or "unknown",
                format_bytes(folder.free_bytes),
                "yes" if folder.writable else folder.write_evidence,
                _link_word(folder.symlink.works, folder.symlink.evidence),
                _link_word(folder.hardlink.works, folder.hardlink.evidence),
            )
            for folder in self.folders
        )
        columns = ("folder", "path", "file system", "free", "writable", "symlink", "hard link")
        return Table("Folders, tried", columns, rows)

    def variable_table(self) -> Table:
        """Return the variables that are set, free of secrets."""
        return Table("Variables that are set", ("variable", "value"), tuple(self.variables.items()))

    def network_table(self) -> Table:
        """Return the way to the Hub, step by step."""
        steps = self.network.steps if self.network else ()
        rows = tuple(
            ("ok" if step.ok else "fail", step.name, step.evidence, format_seconds(step.elapsed_s)) for step in steps
        )
        title = f"The way to {self.network.endpoint}" if self.network else "The way to the Hub"
        return Table(title, ("status", "step", "evidence", "took"), rows, empty="not walked: offline mode")

    def wanted_sections(self) -> tuple[Section, ...]:
        """Return which models are needed, and for what."""
        if self.models_problem:
            return (Note("Models that are needed", (self.models_problem,)),)
        return (*self.wanted.sections(), Note("Who says which models", (self.answered_by.words,)))


def _link_word(works: bool, evidence: str) -> str:
    return "works" if works else evidence
