"""The dialect of regular expressions the catalogue may use: bounded, and with a literal to look for first.

Allowed are literals, classes, groups, alternatives and repeats with an upper bound of at most `MAX_REPEAT`.
Refused are `*`, `+`, a repeat within a repeat, look-around, back references and flags, and any pattern whose
backtracking repeats multiply to more than `MAX_CHOICES`. So one search costs at most `MAX_CHOICES` steps a character.
A possessive repeat (`{0,300}+`) never backtracks and is free.

Every pattern also exists *squeezed*: without white space, for text that somebody else has wrapped into lines.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any

MAX_REPEAT = 1000
MAX_CHOICES = 1000
MIN_LITERAL = 5

_PLAIN = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN", "AT"})
_MARKS_OF_ENDS = ("^", "$", r"\A", r"\Z")
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})

_Nodes = Sequence[tuple[Any, Any]]


def check_bounds(pattern: str) -> None:
    """Raise ValueError, with the reason, if the pattern is outside the dialect."""
    nodes = _parse(pattern)
    choices = _choices(nodes, inside_repeat=False)
    if choices > MAX_CHOICES:
        raise ValueError(f"{pattern!r} leaves {choices} choices to backtracking; at most {MAX_CHOICES}")


def check_literal(pattern: str) -> None:
    """Raise ValueError if there is no literal to look for before the pattern is tried."""
    shortest = min(map(len, required_literals(pattern)), default=0)
    if shortest < MIN_LITERAL:
        raise ValueError(f"{pattern!r} has no literal of {MIN_LITERAL} characters that every match contains")


@cache
def required_literals(pattern: str) -> tuple[str, ...]:
    """Return strings of which at least one is in every match; empty if there are none."""
    return max(_literal_sets(_parse(pattern)), key=lambda found: min(map(len, found)), default=())


@cache
def squeezed(pattern: str) -> str:
    """Return the pattern for text from which all white space is taken.

    Word boundaries are given up. Empty for a pattern that asks where a line begins or ends: that is not known any more.
    """
    nodes = _parse(pattern)
    return "" if _asks_for_ends(nodes) else _unparsed(nodes)


@cache
def squeezed_literals(pattern: str) -> tuple[str, ...]:
    """Return strings of which one at least is in every match of the squeezed pattern; empty if there is no such one.

    They are those of the pattern without their white space; the squeezed pattern is made when one of them is met.
    """
    if any(mark in pattern for mark in _MARKS_OF_ENDS) and _asks_for_ends(_parse(pattern)):
        return ()
    return tuple("".join(literal.split()) for literal in required_literals(pattern))


@cache
def _parse(pattern: str) -> _Nodes:
    # The parse tree of `re` is not public, but stable from 3.11 to 3.14; a node it may add is refused below.
    tree = import_module("re._parser").parse(pattern)
    if tree.state.flags & ~re.UNICODE:
        raise ValueError(f"{pattern!r} sets flags")
    nodes: _Nodes = tree.data
    return nodes


def _choices(nodes: _Nodes, *, inside_repeat: bool) -> int:
    """Multiply the choices that backtracking has in a sequence; alternatives add up."""
    product = 1
    for operation, argument in nodes:
        name = str(operation)
        if name in _REPEATS:
            product *= _repeat_choices(name, argument, inside_repeat=inside_repeat)
        elif name == "BRANCH":
            product *= sum(_choices(branch, inside_repeat=inside_repeat) for branch in argument[1])
        elif name == "SUBPATTERN":
            if argument[1] or argument[2]:
                raise ValueError("flags within a group are not allowed")
            product *= _choices(argument[3], inside_repeat=inside_repeat)
        elif name not in _PLAIN:
            raise ValueError(f"{name.lower()} is not allowed in a pattern")
    return product


def _repeat_choices(name: str, argument: tuple[int, int, _Nodes], *, inside_repeat: bool) -> int:
    low, high, body = argument
    if high > MAX_REPEAT:
        raise ValueError(f"a repeat needs an upper bound of at most {MAX_REPEAT}, such as .{{0,200}}")
    if inside_repeat and high > low:
        raise ValueError("a repeat within a repeat is not allowed")
    inner = _choices(body, inside_repeat=high > 1)
    return inner if name == "POSSESSIVE_REPEAT" else inner * (high - low + 1)


def _literal_sets(nodes: _Nodes) -> Iterator[tuple[str, ...]]:
    """Yield, for each stretch that every match must contain, the strings it can be."""
    run = ""
    for operation, argument in nodes:
        name = str(operation)
        if name == "LITERAL":
            run += chr(argument)
            continue
        if run:
            yield (run,)
            run = ""
        if name == "SUBPATTERN":
            yield from _literal_sets(argument[3])
        elif name == "BRANCH":
            yield from _branch_literals(argument[1])
        elif name in _REPEATS and argument[0] > 0:
            yield from _literal_sets(argument[2])
    if run:
        yield (run,)


def _branch_literals(branches: Sequence[_Nodes]) -> Iterator[tuple[str, ...]]:
    best = [max(_literal_sets(branch), key=lambda found: min(map(len, found)), default=()) for branch in branches]
    if all(best):
        yield tuple(literal for literals in best for literal in literals)


def _asks_for_ends(nodes: _Nodes) -> bool:
    for operation, argument in nodes:
        name = str(operation)
        if name == "AT" and "BOUNDARY" not in str(argument):
            return True
        bodies = argument[1] if name == "BRANCH" else [argument[-1]] if name in ("SUBPATTERN", *_REPEATS) else []
        if any(map(_asks_for_ends, bodies)):
            return True
    return False


def _unparsed(nodes: _Nodes) -> str:
    parts: list[str] = []
    for operation, argument in nodes:
        if str(operation) == "AT":  # of a boundary only what ends a number is left
            parts.append(r"(?!\d)" if parts and (parts[-1][-1:].isdigit() or parts[-1].endswith("]")) else "")
        else:
            parts.append(_unparsed_node(str(operation), argument))
    return "".join(parts)


def _unparsed_node(name: str, argument: Any) -> str:  # noqa: ANN401 - the parse tree of `re` has no types
    text = ""
    if name == "LITERAL":
        text = "" if chr(argument).isspace() else re.escape(chr(argument))
    elif name == "NOT_LITERAL":
        text = f"[^{re.escape(chr(argument))}]"
    elif name == "ANY":
        text = "."
    elif name == "IN":
        text = _unparsed_set(argument)
    elif name == "BRANCH":
        text = "(?:" + "|".join(_unparsed(branch) for branch in argument[1]) + ")"
    elif name == "SUBPATTERN":
        text = f"(?:{_unparsed(argument[3])})"
    elif name in _REPEATS:
        low, high, body = argument
        inner = _unparsed(body)
        text = f"(?:{inner}){{{low},{high}}}{_MODES.get(name, '')}" if inner else ""
    return text


def _unparsed_set(items: Sequence[tuple[Any, Any]]) -> str:
    """Return the set without its white space; empty if that was all it held."""
    parts = []
    for operation, argument in items:
        name = str(operation)
        if name == "NEGATE":
            parts.append("^")
        elif name == "LITERAL":
            parts.append("" if chr(argument).isspace() else re.escape(chr(argument)))
        elif name == "RANGE":
            parts.append(f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}")
        else:
            parts.append(_CATEGORIES[str(argument)])
    inside = "".join(parts)
    if inside == "^":
        return "."
    return f"[{inside}]" if inside else ""


_MODES = {"MIN_REPEAT": "?", "POSSESSIVE_REPEAT": "+"}
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": "",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
