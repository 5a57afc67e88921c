"""A Python text as a syntax tree, with the few questions that the rules put to it."""

import ast
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TypeVar, cast

Function = ast.FunctionDef | ast.AsyncFunctionDef
Import = ast.Import | ast.ImportFrom
Node = TypeVar("Node", bound=ast.AST)


_PLAIN_FIELDS = frozenset(
    {"id", "attr", "arg", "asname", "module", "level", "kind", "ctx", "op", "ops", "type_comment"}
)
"""What these fields hold is no node, or none that a rule asks for: marks of load and store, operators."""


class _FieldsWithNodes(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of a class of nodes in which others may stand; filled as classes are met."""

    def __missing__(self, node_class: type[ast.AST]) -> tuple[str, ...]:
        fields = () if node_class is ast.Constant else tuple(set(node_class._fields) - _PLAIN_FIELDS)
        return self.setdefault(node_class, fields)


_FIELDS_WITH_NODES = _FieldsWithNodes()


class PythonSyntaxError(ValueError):
    """The text is not Python of the version that runs the audit; the message names the line if it is known."""


@dataclass(frozen=True)
class PythonModule:
    """A parsed module. Nothing in it is imported or run; walks are iterative, so depth does no harm."""

    tree: ast.Module

    @cached_property
    def _index(self) -> tuple[dict[type[ast.AST], list[ast.AST]], dict[ast.AST, ast.AST]]:
        """The nodes by their class, and each node's parent; one walk for all rules."""
        by_class: defaultdict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        parents: dict[ast.AST, ast.AST] = {}
        by_class[ast.Module].append(self.tree)
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            for name in _FIELDS_WITH_NODES[type(node)]:
                value = getattr(node, name, None)
                for child in value if type(value) is list else (value,):
                    if isinstance(child, ast.AST):
                        child_class = type(child)
                        parents[child] = node
                        by_class[child_class].append(child)
                        if _FIELDS_WITH_NODES[child_class]:
                            waiting.append(child)
        return dict(by_class), parents

    def all_of(self, node_class: type[Node]) -> list[Node]:
        """Return all nodes of exactly this class, in no particular order."""
        return cast("list[Node]", self._index[0].get(node_class, []))

    def parent_of(self, node: ast.AST) -> ast.AST | None:
        """Return the node that directly holds this one."""
        return self._index[1].get(node)

    @property
    def calls(self) -> list[ast.Call]:
        """All calls."""
        return self.all_of(ast.Call)

    @cached_property
    def _calls_by_last_name(self) -> Mapping[str, list[ast.Call]]:
        found: defaultdict[str, list[ast.Call]] = defaultdict(list)
        for call in self.calls:
            found[self.last_name_of(call)].append(call)
        return dict(found)

    def calls_of(self, *names: str) -> Iterator[ast.Call]:
        """Yield the calls whose name ends in one of these, whatever way it was imported."""
        return chain.from_iterable(self._calls_by_last_name.get(name, ()) for name in names)

    @property
    def functions(self) -> list[Function]:
        """All function definitions."""
        return [*self.all_of(ast.FunctionDef), *self.all_of(ast.AsyncFunctionDef)]

    @property
    def imports(self) -> list[Import]:
        """All import statements."""
        return [*self.all_of(ast.Import), *self.all_of(ast.ImportFrom)]

    @cached_property
    def aliases(self) -> dict[str, str]:
        """What each imported name stands for: `sd` -> `huggingface_hub.snapshot_download`."""
        names: dict[str, str] = {}
        for node in self.all_of(ast.Import):
            names.update({alias.asname: alias.name for alias in node.names if alias.asname})
        for origin in self.all_of(ast.ImportFrom):
            for alias in origin.names:
                names[alias.asname or alias.name] = f"{origin.module or ''}.{alias.name}".lstrip(".")
        return names

    def name_of(self, node: ast.AST) -> str:
        """Return the dotted name of an expression with imports resolved; empty if it is no name."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            parts.append(self.aliases.get(node.id, node.id))
        elif isinstance(node, ast.Call) and parts:
            parts.append("()")
        else:
            return ""
        return ".".join(reversed(parts))

    def last_name_of(self, call: ast.Call) -> str:
        """Return the last part of a called name: `snapshot_download` for whatever way it was imported."""
        return self.name_of(call.func).rpartition(".")[2]

    @cached_property
    def _texts(self) -> dict[str, str]:
        """The names at module level that are given one string and no other."""
        given: dict[str, list[str | None]] = {}
        for node in self.all_of(ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    given.setdefault(target.id, []).append(text_of(node.value))
        return {name: texts[0] for name, texts in given.items() if len(texts) == 1 and texts[0] is not None}

    def constant_text(self, node: ast.AST | None) -> str | None:
        """Return a string literal, or that of a name which the module assigns only once."""
        return self._texts.get(node.id) if isinstance(node, ast.Name) else text_of(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the parents from the nearest outwards."""
        parent = self.parent_of(node)
        while parent is not None:
            yield parent
            parent = self.parent_of(parent)

    def functions_around(self, node: ast.AST) -> Iterator[Function]:
        """Yield the functions that hold the node, the innermost first."""
        return (up for up in self.ancestors(node) if isinstance(up, Function))

    def function_around(self, node: ast.AST) -> Function | None:
        """Return the innermost function that holds the node."""
        return next(self.functions_around(node), None)

    def statement_scope(self, node: ast.AST) -> tuple[int, int]:
        """Return the lines of the statement around a node; of a block its header alone."""
        statement = node if isinstance(node, ast.stmt) else None
        if statement is None:
            statement = next((up for up in self.ancestors(node) if isinstance(up, ast.stmt)), None)
        if statement is None:
            return 1, 1
        body = getattr(statement, "body", None)
        last = body[0].lineno - 1 if isinstance(body, list) and body else statement.end_lineno
        return statement.lineno, max(last or statement.lineno, statement.lineno)


def parse_python(text: str) -> PythonModule:
    """Parse a module.

    Raises:
        PythonSyntaxError: It cannot be parsed, for whatever reason.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in the audited code is none of our business
            return PythonModule(ast.parse(text))
    except SyntaxError as error:
        raise PythonSyntaxError(f"line {error.lineno} is not Python as it is known here") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise PythonSyntaxError(f"no Python that can be parsed: {type(error).__name__}") from None


def imported_packages(node: Import) -> list[str]:
    """Return the top-level packages that an import statement names; relative imports name none."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return [node.module.partition(".")[0]] if node.level == 0 and node.module else []


def keywords_of(call: ast.Call) -> dict[str, ast.expr]:
    """Return the named arguments; `**kwargs` under the empty name."""
    return {keyword.arg or "": keyword.value for keyword in call.keywords}


def text_of(node: ast.AST | None) -> str | None:
    """Return the value of a string literal."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
