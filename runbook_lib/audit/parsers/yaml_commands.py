"""What a YAML text runs and which variables it sets: workflows, compose files, Kubernetes manifests, pipelines."""

import re
from collections.abc import Iterable, Iterator, Sequence

from runbook_lib.audit.parsers.commands import Command, join_continued, join_lines
from runbook_lib.audit.parsers.variables import Variable, literal_of, variables_of_command
from runbook_lib.audit.parsers.yaml_tree import YamlMapping, YamlNode, YamlScalar, YamlSequence, walk_yaml
from runbook_lib.audit.sources.kinds import Kind

_SCRIPT_KEYS = frozenset(
    {
        *("run", "script", "scripts", "before_script", "after_script", "cmds", "commands", "inlinescript"),
        *("shell", "bash", "powershell", "pwsh", "prestart", "poststart", "setup", "install"),
    }
)
"""Whose value is a script, or a list of scripts."""
_WORD_KEYS = frozenset({"command", "cmd", "args", "entrypoint", "test", "exec"})
"""Whose value is a command, or a list of the words of one."""
_SCRIPT_FILE = re.compile(r"\.(?:sh|bash|ps1|bat|cmd)$")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,60}")
_ASSIGNMENT = re.compile(rf"({_VARIABLE.pattern})=(.*)", re.DOTALL)


def commands_of_yaml(documents: Iterable[YamlNode], lines: Sequence[str]) -> Iterator[Command]:
    """Yield the command lines, told by the keys they stand under."""
    for node in walk_yaml(documents):
        if isinstance(node, YamlMapping):
            for key, value in node.pairs:
                name = key.value.lower()
                if name in _WORD_KEYS:
                    yield from _joined(value, lines)
                elif name in _SCRIPT_KEYS or _SCRIPT_FILE.search(name):
                    for scalar in value.items if isinstance(value, YamlSequence) else [value]:
                        yield from _script(scalar, lines)


def texts_of_yaml(documents: Iterable[YamlNode], lines: Sequence[str]) -> Iterator[Command]:
    """Yield every scalar that is a value, as logical lines."""
    for node in walk_yaml(documents):
        yield from _script(node, lines)


def variables_of_yaml(documents: Iterable[YamlNode], commands: Sequence[Command]) -> Iterator[Variable]:
    """Yield `NAME: value`, `- NAME=value` and Kubernetes' `name:`/`value:` pairs, then what the commands set."""
    for node in walk_yaml(documents):
        if isinstance(node, YamlMapping):
            name, value = node.get("name"), node.get("value")
            if isinstance(name, YamlScalar) and isinstance(value, YamlScalar) and _VARIABLE.fullmatch(name.value):
                yield _variable(name.value, value.value, name)
            for key, found in node.pairs:
                if isinstance(found, YamlScalar) and _VARIABLE.fullmatch(key.value):
                    yield _variable(key.value, found.value, key)
        elif isinstance(node, YamlSequence):
            for item in node.items:
                if isinstance(item, YamlScalar) and (assigned := _ASSIGNMENT.fullmatch(item.value)):
                    yield _variable(assigned[1], assigned[2], item)
    for command in commands:
        yield from variables_of_command(command)


def _variable(name: str, value: str, at: YamlScalar) -> Variable:
    return Variable(name, literal_of(value), at.line, at.column, (at.line, at.last_line))


def _joined(node: YamlNode, lines: Sequence[str]) -> Iterator[Command]:
    """Yield the words of a list as one command; a scalar as a script."""
    if not isinstance(node, YamlSequence):
        yield from _script(node, lines)
        return
    parts: list[tuple[int, str]] = []
    for item in node.items:
        if isinstance(item, YamlScalar):
            parts.extend((number, text.lstrip()) for number, text in _physical(item, lines))
    if parts:
        yield join_lines(parts)


def _script(node: YamlNode, lines: Sequence[str]) -> Iterator[Command]:
    if isinstance(node, YamlScalar) and node.value.strip():
        yield from join_continued(_physical(node, lines), Kind.SHELL)


def _physical(scalar: YamlScalar, lines: Sequence[str]) -> list[tuple[int, str]]:
    """Return the physical lines of a scalar; a quoted or plain one that stands on one line without its quotes."""
    if scalar.is_block:
        return [(number, lines[number - 1]) for number in range(scalar.line + 1, min(scalar.last_line, len(lines)) + 1)]
    if scalar.last_line == scalar.line:
        return [(scalar.line, " " * (scalar.column - 1) + scalar.value)]  # the column is that of the file
    return [(scalar.line, " ".join(scalar.value.split("\n")))]
