"""What stage verify saw."""

from collections.abc import Sequence

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Value
from runbook_lib.render.sections import Section, Table
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.record import Facts
from runbook_lib.stages.verify.problems import FileProblem, Severity


class VerifiedFolder(Value):
    """A snapshot or a model folder of the artifacts, and what was found in it."""

    model: ModelRef
    role: str
    """`snapshot` or `artifacts`."""
    folder: str
    commit: str
    source: str
    """Where the expected hashes come from; empty when there are none."""
    file_count: int
    size_bytes: int
    problems: tuple[FileProblem, ...]

    def with_problems(self, problems: tuple[FileProblem, ...]) -> "VerifiedFolder":
        """Return the folder with other words for what was found."""
        return VerifiedFolder(
            model=self.model,
            role=self.role,
            folder=self.folder,
            commit=self.commit,
            source=self.source,
            file_count=self.file_count,
            size_bytes=self.size_bytes,
            problems=problems,
        )

    def of_severity(self, *severities: Severity) -> tuple[FileProblem, ...]:
        """Return the problems of these severities, in their order."""
        return tuple(problem for problem in self.problems if problem.severity in severities)

    @property
    def serious(self) -> tuple[FileProblem, ...]:
        """The problems that make the folder unusable."""
        return self.of_severity(Severity.SERIOUS)

    @property
    def status(self) -> str:
        """`fail`, `warn` or `ok`, as the worst problem has it."""
        found = {problem.severity for problem in self.problems} - {Severity.NOTE}
        return "fail" if Severity.SERIOUS in found else "warn" if found else "ok"


class VerifyFacts(Facts):
    """What stage verify saw."""

    folders: tuple[VerifiedFolder, ...]
    others: tuple[FileProblem, ...] = ()
    """What belongs to no model that is wanted."""
    hashed_bytes: int
    """Bytes read; a file with several names is read once."""
    elapsed_s: float
    """Reading and comparing, without finding out what is wanted."""
    threads: int
    one_by_one_s: float = 0.0
    """The readings added up: about what a single thread would have needed."""

    def sections(self) -> Sequence[Section]:
        """Return the folders, the problems and the throughput."""
        folders = tuple(
            (
                folder.status,
                str(folder.model),
                folder.role,
                str(folder.file_count),
                format_bytes(folder.size_bytes),
                folder.source or "nothing to compare with",
            )
            for folder in self.folders
        )
        found = [(folder.role, problem) for folder in self.folders for problem in folder.problems]
        found += [("artifacts", problem) for problem in self.others]
        problems = tuple((role, problem.path, problem.kind.value, problem.evidence) for role, problem in found)
        return (
            Table("Folders", ("status", "model", "where", "files", "size", "compared with"), folders),
            Table("Problems", ("where", "file", "problem", "evidence"), problems),
            Table("Reading", ("read", "took", "threads", "rate"), (self._speed(),)),
        )

    def _speed(self) -> tuple[str, ...]:
        rate = self.hashed_bytes / self.elapsed_s if self.elapsed_s else 0.0
        return (
            format_bytes(self.hashed_bytes),
            format_seconds(self.elapsed_s),
            str(self.threads),
            f"{format_bytes(round(rate))}/s",
        )
