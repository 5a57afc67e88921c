"""The planned environment: what is set before huggingface_hub and docling are imported, with a reason for each."""

from collections.abc import Sequence

from runbook_lib.core.value import Value
from runbook_lib.render.sections import Section, Table
from runbook_lib.run.record import Facts


class PlannedVariable(Value):
    """A variable the plan sets, with its reason."""

    name: str
    before: str
    """Empty when it was not set."""
    value: str
    reason: str
    in_files: bool = True
    """False for what lives only as long as this run, such as the address of the practice hub."""


class EnvironmentPlan(Facts):
    """What is set before huggingface_hub and docling are imported, and how files share content."""

    links: str
    links_reason: str
    hub_version: str
    remedy: str
    """What keeps the symlink race of quirk-001 away with this version."""
    variables: tuple[PlannedVariable, ...]

    def values(self) -> dict[str, str]:
        """Return the variables as an environment overlay."""
        return {variable.name: variable.value for variable in self.variables}

    def sections(self) -> Sequence[Section]:
        """Return one table: variable, before, after, reason."""
        rows = tuple(
            (variable.name, variable.before or "(not set)", variable.value, variable.reason)
            for variable in self.variables
        )
        choice = (("links", self.links, self.links_reason), ("symlink race", self.hub_version, self.remedy))
        return (
            Table("Variables", ("variable", "before", "after", "reason"), rows, empty="nothing has to be set"),
            Table("Decisions", ("question", "answer", "reason"), choice),
        )
