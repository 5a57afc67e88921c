"""The last stage of a Dockerfile, stage by stage from its base: who runs each step, with which variables."""

import re
from dataclasses import dataclass

from runbook_lib.audit.parsers.dockerfile import Instruction, Stage, split_stages
from runbook_lib.audit.parsers.variables import variables_of_command

_REFERENCE = re.compile(r"\$\{?([A-Za-z_]\w*)(?::-([^}]*))?\}?")
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|\S*)")
_ROOT = {"", "root", "0"}
_MOST_EXPANSIONS = 5


@dataclass(frozen=True)
class Step:
    """One instruction with what holds while it runs; `user` is empty for the base's own, which is mostly root."""

    instruction: Instruction
    user: str
    variables: dict[str, str]

    @property
    def text(self) -> str:
        """The instruction as written."""
        return self.instruction.command.text

    @property
    def is_root(self) -> bool:
        """Whether it runs as root, as far as the Dockerfile says."""
        return self.user.partition(":")[0] in _ROOT

    def expanded(self, text: str) -> str:
        """Return a text with the variables put in that ENV and ARG have given a value."""
        for _ in range(_MOST_EXPANSIONS):
            put_in = _REFERENCE.sub(lambda found: self.variables.get(found[1], found[2] or found[0]), text)
            if put_in == text:
                break
            text = put_in
        return text.strip("\"'")


@dataclass(frozen=True)
class Image:
    """What a Dockerfile builds: its base, and the steps of its last stage with those it was built upon."""

    base: str
    steps: tuple[Step, ...]

    @property
    def user(self) -> str:
        """The user of the container, without the group; empty for the base's own."""
        return self.steps[-1].user.partition(":")[0] if self.steps else ""

    @property
    def variables(self) -> dict[str, str]:
        """What ENV and ARG have set in the end."""
        return self.steps[-1].variables if self.steps else {}


def last_image(instructions: tuple[Instruction, ...]) -> Image | None:
    """Return what the last stage builds; None for a text without FROM."""
    stages = split_stages(instructions)
    if not stages:
        return None
    chain, base = _chain(stages)
    variables = dict(_assigned(one) for one in instructions if one.keyword == "ARG" and _assigned(one)[0])
    user, steps = "", []
    for instruction in chain:
        variables = variables | _set_by(instruction)
        step = Step(instruction, user, variables)
        if instruction.keyword == "USER":
            user = step.expanded(instruction.arguments)
            step = Step(instruction, user, variables)
        steps.append(step)
    lower = {name.lower(): value for name, value in variables.items()}
    return Image(Step(chain[0], "", lower).expanded(base).lower(), tuple(steps))


def _chain(stages: tuple[Stage, ...]) -> tuple[list[Instruction], str]:
    """Return the instructions of the last stage after those of the stages it is based on, and the image under them."""
    instructions: list[Instruction] = []
    index = len(stages) - 1
    while True:
        instructions[:0] = stages[index].instructions
        base = stages[index].base
        earlier = [at for at in range(index) if stages[at].name and stages[at].name == base]
        if not earlier:
            return instructions, base
        index = earlier[-1]


def _set_by(instruction: Instruction) -> dict[str, str]:
    if instruction.keyword == "ARG":
        name, value = _assigned(instruction)
        return {name: value} if name else {}
    if instruction.keyword != "ENV":
        return {}
    assigned = {found[1]: found[2].strip("\"'") for found in _ASSIGNED.finditer(instruction.arguments)}
    if assigned:
        return assigned
    return {one.name: one.value for one in variables_of_command(instruction.command) if one.value is not None}


def _assigned(instruction: Instruction) -> tuple[str, str]:
    """Return name and default of an ARG; no name where there is no default."""
    name, equals, value = instruction.arguments.partition("=")
    return (name.strip(), value.strip().strip("\"'")) if equals else ("", "")
