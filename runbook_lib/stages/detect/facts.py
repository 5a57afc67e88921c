"""What stage detect saw, and how it is shown."""

from collections.abc import Sequence

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.interpreter import InterpreterFacts
from runbook_lib.run.record import Facts
from runbook_lib.system.filesystem import FolderFacts
from runbook_lib.system.machine import MachineFacts
from runbook_lib.system.network import NetworkFacts


class DetectFacts(Facts):
    """What stage detect saw."""

    machine: MachineFacts
    interpreter: InterpreterFacts
    folders: tuple[FolderFacts, ...]
    variables: dict[str, str]
    network: NetworkFacts | None
    """None in offline mode."""
    models: tuple[ModelRef, ...]
    models_problem: str
    """Why docling could not be asked; empty when it could or need not be."""
    models_cached: bool
    """Whether every file of the models stands in the cache, by name; verify looks at the content."""

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
            self.model_note(),
        )

    def machine_table(self) -> Table:
        """Return what kind of machine this is."""
        machine = self.machine
        rows = (
            ("operating system", f"{machine.system} {machine.release} on {machine.architecture}"),
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

    def model_note(self) -> Note:
        """Return which models are needed."""
        lines = tuple(str(model) for model in self.models) or (self.models_problem,)
        return Note("Models that are needed", lines)


def _link_word(works: bool, evidence: str) -> str:
    return "works" if works else evidence
