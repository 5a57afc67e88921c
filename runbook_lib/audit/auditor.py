"""The audit: every selected rule over every source, less what comments suppress."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runbook_lib.audit.finding import Finding, SkippedFile
from runbook_lib.audit.registry import RULES, select_rules
from runbook_lib.audit.report import AuditReport
from runbook_lib.audit.repository import ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule, RuleWords
from runbook_lib.audit.sources.read import read_sources
from runbook_lib.audit.suppression import UNUSED_SUPPRESSION, Suppression, Suppressions


def audit(path: Path, *, select: Iterable[str] | None = None) -> AuditReport:
    """Read a service's repository and report what will fail; runs nothing of it and writes nothing.

    Args:
        path: A folder, or a single file.
        select: Ids of the rules to apply; None for all.

    Raises:
        UsageError: The path does not exist, or an id names no rule.
    """
    with _collector_paused():
        return _audit(path, select_rules(select))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector still: syntax trees are many small objects that all stay, and it takes a third."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _audit(path: Path, rules: tuple[Rule, ...]) -> AuditReport:
    read = read_sources(path)
    repository = Repository(tuple(map(ParsedSource, read.sources)), serves_http=read.serves_http)
    findings: list[Finding] = []
    suppressed = 0
    words = RuleWords(rules)
    for source in repository.sources:
        kept, quiet = _apply(rules, words, source, repository)
        findings.extend(_finding(source, rule, hit) for rule, hit in kept)
        suppressed += quiet
    unparsed = tuple(
        SkippedFile(path=one.source.path, reason=_text_only(one)) for one in repository.sources if one.syntax_problem
    )
    return AuditReport(
        findings=tuple(sorted(findings, key=_reading_order)),
        suppressed=suppressed,
        files_read=read.files_read,
        files_skipped=read.files_skipped + unparsed,
    )


def _apply(
    rules: tuple[Rule, ...], words: RuleWords, source: ParsedSource, repository: Repository
) -> tuple[list[tuple[Rule, Hit]], int]:
    """Return what the rules find in one source and no comment excuses, and how many a comment does."""
    suppressions = Suppressions(source)
    used: set[Suppression] = set()
    kept: list[tuple[Rule, Hit]] = []
    suppressed = 0
    present = words.in_text(source.source.text)
    for rule in rules:
        for hit in rule.check(source, repository) if rule.looks_at(source.kind, present) else ():
            covering = suppressions.covering(rule.id, hit)
            used.update(covering)
            if covering:
                suppressed += 1
            else:
                kept.append((rule, hit))
    return [*kept, *_unused(suppressions, used, rules)], suppressed


def _unused(suppressions: Suppressions, used: set[Suppression], rules: tuple[Rule, ...]) -> Iterator[tuple[Rule, Hit]]:
    """Yield the suppressions in vain; one for a rule that was not applied cannot be judged."""
    applied = {rule.id for rule in rules}
    for suppression in suppressions.all if UNUSED_SUPPRESSION.id in applied else ():
        if suppression.rule_id not in RULES:
            yield UNUSED_SUPPRESSION, Hit(suppression.line, f"no rule is named {suppression.rule_id!a}")
        elif suppression not in used and suppression.rule_id in applied:
            yield UNUSED_SUPPRESSION, Hit(suppression.line, f"{suppression.rule_id} finds nothing here")


def _text_only(source: ParsedSource) -> str:
    origin = source.source.origin(1)
    place = origin.place or ("" if source.source.is_whole_file else f"example from line {origin.line}")
    return f"read as text only: {place}{': ' if place else ''}{source.syntax_problem}"


def _finding(source: ParsedSource, rule: Rule, hit: Hit) -> Finding:
    origin = source.source.origin(hit.line)
    whole = source.source.is_whole_file
    return Finding(
        rule_id=rule.id,
        severity=hit.severity or rule.severity,
        path=source.source.path,
        line=origin.line,
        message=f"{origin.place}: {hit.message}" if origin.place else hit.message,
        remedy=rule.remedy,
        quirk=rule.quirk,
        column=hit.column if whole else None,
        end_line=source.source.origin(hit.end_line).line if hit.end_line else None,
    )


def _reading_order(finding: Finding) -> tuple[str, int, int, str]:
    return finding.path, finding.line, finding.column or 0, finding.rule_id
