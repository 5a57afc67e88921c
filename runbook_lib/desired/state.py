"""How a machine stands to a lock file."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

from pydantic import computed_field

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Value
from runbook_lib.errors import ExitCode
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes, format_seconds


class State(StrEnum):
    """From the best to the worst."""

    IN_STATE = "in state"
    DRIFTED = "drifted"
    """Absent, or whole and of another commit: nothing is damaged."""
    UNKNOWN = "unknown"
    """It may not be read, or only its content could tell."""
    BROKEN = "broken"
    """Damaged, or there in part."""

    @property
    def exit_code(self) -> ExitCode:
        """The number for detection scripts."""
        return _EXIT_CODES[self]


_EXIT_CODES: Final = {
    State.IN_STATE: ExitCode.OK,
    State.DRIFTED: ExitCode.DRIFTED,
    State.UNKNOWN: ExitCode.UNKNOWN,
    State.BROKEN: ExitCode.BROKEN,
}


def worst_of(states: Iterable[State]) -> State:
    """Return the worst; `in state` for none."""
    order = list(State)
    return max(states, key=order.index, default=State.IN_STATE)


class Finding(Value):
    """One thing that is not as the lock file says."""

    where: Literal["snapshot", "ref", "artifacts"]
    state: State
    what: str
    """A path relative to its folder, or what the finding is about."""
    evidence: str


class ModelState(Value):
    """One repository of the lock file, or the models of its OCR engine."""

    model: ModelRef
    commit: str
    """As locked; empty for OCR models, which have none."""
    files: int
    size_bytes: int
    findings: tuple[Finding, ...] = ()

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of decorators
    @property
    def state(self) -> State:
        """The worst of the findings."""
        return worst_of(finding.state for finding in self.findings)


class MachineState(Rendered, Value):
    """What a machine has beside a lock file; docs/lock-file.md describes the JSON."""

    schema_version: Literal[1] = 1
    practice: bool
    lock_file: Path
    locked_at: datetime
    read: Literal["sizes", "hash"]
    """Whether contents were read, or names, links, lengths and times alone."""
    elapsed_s: float
    cache_dir: Path
    artifacts_dir: Path
    models: tuple[ModelState, ...]
    locked_docling: str
    docling: str
    """Installed here; empty when it is not known. Another one than was locked is told, and is no drift of models."""

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of decorators
    @property
    def state(self) -> State:
        """The worst of the models."""
        return worst_of(model.state for model in self.models)

    @property
    def exit_code(self) -> ExitCode:
        """The number for detection scripts."""
        return self.state.exit_code

    def not_in_state(self) -> tuple[ModelState, ...]:
        """Return the models that are not as locked."""
        return tuple(model for model in self.models if model.state is not State.IN_STATE)

    def joined_with(self, other: "MachineState") -> "MachineState":
        """Return this state with the models of another one, which were looked at for the same lock file."""
        models = tuple(sorted((*self.models, *other.models), key=lambda model: str(model.model)))
        elapsed_s = round(self.elapsed_s + other.elapsed_s, 3)
        return MachineState.model_validate({**dict(self), "models": models, "elapsed_s": elapsed_s})

    def brief(self) -> Sequence[Section]:
        """Return the verdict, and what is not as locked."""
        astray = self.not_in_state()
        return (self._verdict(), self._table(astray)) if astray else (self._verdict(),)

    def sections(self) -> Sequence[Section]:
        """Return the verdict and every model."""
        return (self._verdict(), self._table(self.models))

    def _verdict(self) -> Note:
        astray, total_bytes = len(self.not_in_state()), sum(model.size_bytes for model in self.models)
        read = "contents were read" if self.read == "hash" else "lengths and times were looked at, no content was read"
        counted = f"{len(self.models) - astray} of {len(self.models)} models ({format_bytes(total_bytes)})"
        lines = [f"{counted} are as locked in {self.lock_file}; {read}, in {format_seconds(self.elapsed_s)}."]
        if self.docling and self.locked_docling and self.docling != self.locked_docling:
            lines.append(f"Locked for docling {self.locked_docling}; {self.docling} is installed.")
        return Note(f"{'Practice. ' if self.practice else ''}State: {self.state}", tuple(lines))

    def _table(self, models: Sequence[ModelState]) -> Table:
        rows = tuple((model.state.value, str(model.model), model.commit[:8], _told(model.findings)) for model in models)
        return Table("Models", ("state", "model", "locked commit", "seen"), rows, empty="the lock file names none")


def _told(findings: Sequence[Finding]) -> str:
    """Return the worst finding in words, and how many more there are."""
    if not findings:
        return ""
    order = list(State)
    worst = max(findings, key=lambda finding: order.index(finding.state))
    more = f"; {len(findings) - 1} more" if len(findings) > 1 else ""
    return f"{worst.where}: {worst.what}: {worst.evidence}{more}"
