"""What leads on from a failure, as commands that work when they are pasted as they are printed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.render.shells import Command
from runbook_lib.run.opening import BINDING
from runbook_lib.run.settings import Settings

_SETTING: Final = re.compile(r"-p ([a-z_]+) ([^\s;,]+)")
_VARIABLE: Final = re.compile(r"\bset ([A-Z][A-Z0-9_]+)=([^\s;,]+)")
_AFTER_A_VALUE: Final = ".:)"
_RUN: Final = ("runbook", "run")


@dataclass(frozen=True)
class Step:
    """A command, and when it is the one to take."""

    label: str
    command: Command


@dataclass(frozen=True)
class Stopped:
    """Where a run stands that failed, as far as it decides what leads on."""

    folder: Path
    asked: tuple[tuple[str, str], ...]
    """The parameters the run was started with."""
    remedy: str
    """What the failed check or the error says has to be done."""
    fixed_by: FixedBy = FixedBy.NOTHING


def way_on(stopped: Stopped) -> tuple[Step, ...]:
    """Return the commands in the order in which they are to be typed; what follows an `or` stands for it.

    A setting or a variable that the remedy names stands in the command. What all stages of a run share takes a run of
    its own, in which it replaces what was asked for; everything else goes on with this one.
    """
    folder = str(stopped.folder)
    goes_on = (*_RUN, "--run-dir", folder, "--resume")
    steps: list[Step] = []
    if stopped.fixed_by is FixedBy.REPAIR:
        steps.append(Step("fix it", Command(("runbook", "repair", "--run-dir", folder))))
    alternatives = [] if steps else list(_alternatives(stopped, goes_on))
    if not alternatives:
        return (*steps, Step("go on after fixing", Command(goes_on)))
    steps += _beside(stopped.asked, alternatives[0])
    for number, command in enumerate(alternatives):
        how = "this variable" if command.variables else "another setting"
        steps.append(Step(f"{'or' if number else 'go on'} with {how}", command))
    return (*steps, Step("or, fixed in another way", Command(goes_on)))


def _alternatives(stopped: Stopped, goes_on: tuple[str, ...]) -> Iterator[Command]:
    for name, value in _named_settings(stopped):
        if name in BINDING:
            kept = [(key, given) for key, given in stopped.asked if key != name]
            yield Command((*_RUN, *_parameters([*kept, (name, value)])))
        else:
            yield Command((*goes_on, *_parameters([(name, value)])))
    for name, value in _VARIABLE.findall(stopped.remedy):
        yield Command(goes_on, ((name, value.rstrip(_AFTER_A_VALUE)),))


def _named_settings(stopped: Stopped) -> list[tuple[str, str]]:
    """Return the settings that the remedy names, those with a value before those that a person has to fill in."""
    asked, answers = dict(stopped.asked), _answers(stopped.asked)
    found: dict[str, str] = {}
    for name, written in _SETTING.findall(stopped.remedy):
        value = written.rstrip(_AFTER_A_VALUE)
        if name in Settings.model_fields and name not in found:
            found[name] = answers.get(name, value) if _is_placeholder(value) else value
    others = [(name, value) for name, value in found.items() if asked.get(name, "").lower() != value.lower()]
    if asked.get("drill"):  # on its machine nothing but what the drill laid out can be named
        return [(name, value) for name, value in others if not _is_placeholder(value)]
    return sorted(others, key=lambda setting: _is_placeholder(setting[1]))


def _is_placeholder(value: str) -> bool:
    return value.isupper() and value.isalpha()


def _answers(asked: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Return what settings can be on the machine of the drill; empty without one, which loads nothing of practice."""
    name = dict(asked).get("drill")
    if not name:
        return {}
    from runbook_lib.headless.drill import answers_of

    return answers_of(name)


def _beside(asked: tuple[tuple[str, str], ...], first: Command) -> Iterator[Step]:
    """Yield what has to be at work in another terminal while the command is."""
    answers = _answers(asked)
    if set(answers.values()).isdisjoint(first.words):
        return
    from runbook_lib.headless.drill import beside

    if command := beside(dict(asked)["drill"]):
        yield Step("in a second terminal", Command(command))


def _parameters(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, value in pairs:
        yield from ("-p", name, value)
