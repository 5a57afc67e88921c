"""What converging would do, and what it did."""

from collections.abc import Sequence
from typing import Literal

from runbook_lib.core.value import Masked, Value
from runbook_lib.desired.state import MachineState, ModelState, State
from runbook_lib.errors import ExitCode
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes


class Step(Value):
    """What a model needs."""

    model: str
    does: Literal["fetch", "repair", "place"]
    """`place`: the cache holds it; folder, listing and ref are made to say so."""
    why: str


class ConvergePlan(Rendered, Value):
    """What would be done, and from where."""

    before: MachineState
    origins: tuple[Masked, ...]
    steps: tuple[Step, ...]

    def sections(self) -> Sequence[Section]:
        """Return the steps."""
        if not self.steps:
            return (Note("Converge", ("Nothing has to be done: the machine is in state.",)),)
        rows = tuple((step.does, step.model, step.why) for step in self.steps)
        origins = f"Contents would be taken from {', then '.join(self.origins)}."
        return (Table("Converge", ("step", "model", "because"), rows), Note("From where", (origins,)))


def plan_converge(before: MachineState, origins: Sequence[str]) -> ConvergePlan:
    """Say for each model that is not as locked what it needs; pure."""
    return ConvergePlan(
        before=before, origins=tuple(origins), steps=tuple(_step(model) for model in before.not_in_state())
    )


def _step(model: ModelState) -> Step:
    first = max(model.findings, key=lambda finding: list(State).index(finding.state))
    why = f"{first.where}: {first.what}: {first.evidence}"
    if model.state is State.BROKEN:
        return Step(model=str(model.model), does="repair", why=why)
    fetches = any(finding.where == "snapshot" for finding in model.findings) or not model.commit
    return Step(model=str(model.model), does="fetch" if fetches else "place", why=why)


class Did(Value):
    """What one origin came to."""

    origin: Masked
    models: tuple[str, ...] = ()
    read_bytes: int = 0
    said: str = ""
    problem: Masked = ""

    def __str__(self) -> str:
        if self.problem:
            return f"{self.origin}: {self.problem}"
        taken = f"{', '.join(self.models)} ({format_bytes(self.read_bytes)} read)"
        return f"{self.origin}: {self.said or taken}"


class Converged(Rendered, Value):
    """What was done, and how the machine stands now."""

    before: MachineState
    did: tuple[Did, ...] = ()
    after: MachineState

    @property
    def exit_code(self) -> ExitCode:
        """How the machine stands."""
        return self.after.exit_code

    def sections(self) -> Sequence[Section]:
        """Return what was done and the state after it."""
        lines = tuple(map(str, self.did)) or ("Nothing had to be done.",)
        return (Note("Converge", lines), *self.after.brief())
