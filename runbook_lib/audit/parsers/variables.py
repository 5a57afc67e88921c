"""Where a text sets environment variables."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from runbook_lib.audit.parsers.commands import Command
from runbook_lib.audit.parsers.python_module import PythonModule, keywords_of, text_of

_NAME = r"(?P<name>[A-Z][A-Z0-9_]{2,60})"
_VALUE = r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s;&|\"']*)"
_PATTERNS = (
    re.compile(rf"\$env:{_NAME}\s*=\s*{_VALUE}", re.IGNORECASE),
    re.compile(rf"SetEnvironmentVariable\(\s*[\"']{_NAME}[\"']\s*,\s*{_VALUE}", re.IGNORECASE),
    re.compile(rf"\bsetx(?:\.exe)?\s+(?:/m\s+)?\"?{_NAME}\"?\s+{_VALUE}", re.IGNORECASE),
    re.compile(rf"\bset\s+\"{_NAME}=(?P<value>[^\"]*)\"", re.IGNORECASE),
    re.compile(rf"(?<![\w$%{{:.-]){_NAME}={_VALUE}"),
    re.compile(rf"^\s*(?:-\s+)?[\"']?{_NAME}[\"']?\s*:\s+(?P<value>\S.{{0,500}}|$)"),
    re.compile(rf"^\s*ENV\s+{_NAME}\s+(?P<value>\S.{{0,500}})", re.IGNORECASE),
)
_TRUE = {"1", "ON", "YES", "TRUE"}
"""What huggingface_hub 1.33 takes for true (constants._is_true), in any case."""


@dataclass(frozen=True)
class Variable:
    """One setting of an environment variable; `value` is None where it is no literal."""

    name: str
    value: str | None
    line: int
    column: int
    scope: tuple[int, int]
    node: ast.AST | None = None

    @property
    def is_true(self) -> bool:
        """Whether huggingface_hub takes the value for true; a value that is not known counts as true."""
        return self.value is None or self.value.upper() in _TRUE


def variables_of_command(command: Command) -> Iterator[Variable]:
    """Yield the variables that one logical line of a script, YAML file or Dockerfile sets."""
    seen: set[tuple[str, int]] = set()
    for pattern in _PATTERNS:
        for match in pattern.finditer(command.text):
            key = (match["name"].upper(), match.start("name"))
            if key not in seen:
                seen.add(key)
                line, column = command.locate(match.start("name"))
                yield Variable(key[0], literal_of(match["value"]), line, column, command.scope)


def variables_of_module(module: PythonModule) -> Iterator[Variable]:
    """Yield what `os.environ[...] =`, `.setdefault`, `.update` and `os.putenv` set."""
    for node in module.all_of(ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and module.name_of(target.value) == "os.environ":
                yield from _variable(module, node, target.slice, node.value)
    for call in module.calls:
        yield from _variables_of_call(module, call)


_ENV_MAGIC = re.compile(rf"\s*{_NAME}(?:=|\s+){_VALUE}")


def _variables_of_call(module: PythonModule, call: ast.Call) -> Iterator[Variable]:
    name = module.name_of(call.func)
    two = 2
    if name in {"os.environ.setdefault", "os.putenv"} and len(call.args) == two:
        yield from _variable(module, call, call.args[0], call.args[1])
    elif name == "().run_line_magic" and len(call.args) == two and text_of(call.args[0]) in {"env", "set_env"}:
        stated = _ENV_MAGIC.match(text_of(call.args[1]) or "")
        if stated:
            yield from _variable(module, call, ast.Constant(stated["name"]), ast.Constant(literal_of(stated["value"])))
    elif name == "os.environ.update":
        for argument in call.args:
            if isinstance(argument, ast.Dict):
                for key, value in zip(argument.keys, argument.values, strict=True):
                    yield from _variable(module, call, key, value)
        for keyword, value in keywords_of(call).items():
            yield from _variable(module, call, ast.Constant(keyword), value)


def _variable(
    module: PythonModule, node: ast.stmt | ast.expr, name: ast.AST | None, value: ast.AST
) -> Iterator[Variable]:
    text = text_of(name)
    if text:
        scope = module.statement_scope(node)
        yield Variable(text, text_of(value), node.lineno, node.col_offset + 1, scope, node)


def literal_of(value: str) -> str | None:
    """Return a literal without its quotes; None for what the shell or CI would compute."""
    text = value.strip().strip("\"'")
    return None if re.search(r"[$%]\{?\w|\{\{|`", text) else text
