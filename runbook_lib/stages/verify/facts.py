"""What stage verify saw."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from runbook_lib.records import Facts
from runbook_lib.render import Section, Table, format_bytes, format_seconds
from runbook_lib.settings import ModelRef


class ProblemKind(StrEnum):
    """What can be wrong with a file."""

    MISSING = "missing"
    DANGLING = "dangling link"
    WRONG_SIZE = "wrong size"
    WRONG_HASH = "wrong hash"
    UNREADABLE = "unreadable"
    LEFTOVER = "leftover of an interrupted download"
    UNEXPECTED = "not part of the model"


HARMLESS = frozenset({ProblemKind.LEFTOVER, ProblemKind.UNEXPECTED})
"""What takes room or surprises, but does not keep a document from converting."""


class FileProblem(BaseModel):
    """One file that is not as it should be."""

    model_config = ConfigDict(frozen=True)

    path: str
    kind: ProblemKind
    evidence: str


class VerifiedFolder(BaseModel):
    """A snapshot or a model folder of the artifacts, and what was found in it."""

    model_config = ConfigDict(frozen=True)

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

    @property
    def serious(self) -> tuple[FileProblem, ...]:
        """The problems that make the folder unusable."""
        return tuple(problem for problem in self.problems if problem.kind not in HARMLESS)


class VerifyFacts(Facts):
    """What stage verify saw."""

    folders: tuple[VerifiedFolder, ...]
    hashed_bytes: int
    """Bytes read; a file with several names is read once."""
    elapsed_s: float
    threads: int

    def sections(self) -> Sequence[Section]:
        """Return the folders, the problems and the throughput."""
        rows = tuple(
            (
                "fail" if folder.serious else "warn" if folder.problems else "ok",
                str(folder.model),
                folder.role,
                str(folder.file_count),
                format_bytes(folder.size_bytes),
                folder.source or "nothing to compare with",
            )
            for folder in self.folders
        )
        problems = tuple(
            (folder.role, problem.path, problem.kind.value, problem.evidence)
            for folder in self.folders
            for problem in folder.problems
        )
        rate = self.hashed_bytes / self.elapsed_s if self.elapsed_s else 0.0
        speed = (
            (
                format_bytes(self.hashed_bytes),
                format_seconds(self.elapsed_s),
                str(self.threads),
                f"{format_bytes(round(rate))}/s",
            ),
        )
        return (
            Table("Folders", ("status", "model", "where", "files", "size", "compared with"), rows),
            Table("Problems", ("where", "file", "problem", "evidence"), problems),
            Table("Reading", ("read", "took", "threads", "rate"), speed),
        )
