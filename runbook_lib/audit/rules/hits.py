"""How a check says where: by a place in a command or by a node of a syntax tree."""

import ast
import re
from collections.abc import Iterator

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.commands import Command
from runbook_lib.audit.parsers.python_module import PythonModule
from runbook_lib.audit.repository import ParsedSource
from runbook_lib.audit.rule import Hit


def in_command(command: Command, offset: int, message: str, severity: Severity | None = None) -> Hit:
    """Point at a character of a logical line."""
    line, column = command.locate(offset)
    return Hit(line, message, column, scope=command.scope, severity=severity)


def in_commands(source: ParsedSource, pattern: re.Pattern[str], message: str) -> Iterator[Hit]:
    """Point at each match in the commands of a source."""
    for command in source.commands:
        for match in pattern.finditer(command.text):
            yield in_command(command, match.start(), message)


def in_texts(source: ParsedSource, pattern: re.Pattern[str], message: str) -> Iterator[Hit]:
    """Point at each match in the commands of a source and in the values of YAML."""
    for text in source.texts:
        for match in pattern.finditer(text.text):
            yield in_command(text, match.start(), message)


def in_lines(source: ParsedSource, pattern: re.Pattern[str], message: str) -> Iterator[Hit]:
    """Point at the first match in each physical line; comments are lines too."""
    for number, line in enumerate(source.lines, start=1):
        match = pattern.search(line)
        if match:
            yield Hit(number, message, match.start() + 1)


def at_node(module: PythonModule, node: ast.expr | ast.stmt, message: str, severity: Severity | None = None) -> Hit:
    """Point at a node; a suppression anywhere in its statement counts."""
    scope = module.statement_scope(node)
    return Hit(node.lineno, message, node.col_offset + 1, node.end_lineno, scope, severity)
