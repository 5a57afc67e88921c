"""`# runbook: ignore[rule-id]`: a comment that suppresses a rule on its line, or on the line below."""

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.python_module import PythonModule, text_of
from runbook_lib.audit.repository import ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.sources.kinds import Kind

_MARK = "ignore["
_IDS = r"\s*runbook:\s*ignore\[(?P<ids>[\w\s,-]{1,500})\]"
_DEFAULT_LEADER = r"#|//|;"
_LEADERS = {Kind.BATCH: r"::|\brem\s", Kind.PROSE: r"<!--|\.\.\s"}
_SUPPRESSION = {kind: re.compile(f"(?:{_LEADERS.get(kind, _DEFAULT_LEADER)}){_IDS}", re.IGNORECASE) for kind in Kind}
_COMMENT_LINE = {kind: re.compile(rf"\s*@?(?:{_LEADERS.get(kind, _DEFAULT_LEADER)})", re.IGNORECASE) for kind in Kind}


@dataclass(frozen=True)
class Suppression:
    """One rule suppressed at one line of a source."""

    rule_id: str
    line: int
    """Where the comment stands."""
    target: int
    """The line that it speaks of."""


class Suppressions:
    """The suppressions of one source, to be asked for each hit."""

    def __init__(self, source: ParsedSource) -> None:
        self.all = tuple(_find(source))
        self._by_rule: dict[str, list[Suppression]] = {}
        for suppression in sorted(self.all, key=_target):
            self._by_rule.setdefault(suppression.rule_id, []).append(suppression)

    def covering(self, rule_id: str, hit: Hit) -> Sequence[Suppression]:
        """Return those that speak of any line of the statement in which the hit is."""
        candidates = self._by_rule.get(rule_id, [])
        first, last = hit.scope or (hit.line, hit.line)
        return candidates[bisect_left(candidates, first, key=_target) : bisect_right(candidates, last, key=_target)]


def _target(suppression: Suppression) -> int:
    return suppression.target


def _find(source: ParsedSource) -> Iterator[Suppression]:
    """Yield the suppressions from the last line to the first, one per rule named."""
    if _MARK not in source.source.text:
        return
    comment, below = _COMMENT_LINE[source.kind], len(source.lines)
    quoted = _quoted_lines(source)
    for number in range(len(source.lines), 0, -1):
        line = source.lines[number - 1]
        found = _SUPPRESSION[source.kind].search(line) if _MARK in line else None
        if found and number not in quoted:
            alone = not line[: found.start()].strip(" \t@")
            for rule_id in found["ids"].split(","):
                yield Suppression(rule_id.strip(), number, below if alone else number)
        if line.strip() and not comment.match(line):
            below = number


def _quoted_lines(source: ParsedSource) -> set[int]:
    """Return the lines of Python strings that speak of a suppression; there `#` begins no comment."""
    module = source.python if _MARK in source.source.text else None
    strings = [one for one in module.all_of(ast.Constant) if _MARK in (text_of(one) or "")] if module else []
    written = [one for one in strings if module and not _is_of_ipython(module, one)]
    ranges = {(one.lineno, one.end_lineno or one.lineno) for one in written}
    return {line for first, last in ranges for line in range(first, last + 1)}


def _is_of_ipython(module: PythonModule, string: ast.Constant) -> bool:
    """Tell whether a string is the text of a `!` or `%` line, in which `#` does begin a comment."""
    call = module.parent_of(string)
    return isinstance(call, ast.Call) and module.name_of(call.func).startswith("().")


def _found_by_the_audit(_: ParsedSource, __: Repository) -> Iterator[Hit]:
    """Find nothing: only when all other rules have spoken is it known which suppression was needed."""
    return iter(())


UNUSED_SUPPRESSION = Rule(
    id="unused-suppression",
    title="A suppression suppresses nothing",
    reason="What it once excused is gone, or its rule is misspelt; the next real finding there would go unseen.",
    remedy="Remove the comment, or correct the id.",
    severity=Severity.NOTE,
    quirk="",
    bad={"start.sh": "# runbook: ignore[admin-launch]\nuvicorn app.main:app\n"},
    good={"start.sh": "# runbook: ignore[world-writable]\nchmod 777 /models\n"},
    check=_found_by_the_audit,
)
