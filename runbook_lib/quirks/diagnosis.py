"""From a log or traceback to the quirks in it, the cause first."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydantic import field_serializer

from runbook_lib.core.value import Value
from runbook_lib.errors import UsageError
from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.quirks.log_text import LogReader
from runbook_lib.quirks.model import Area, Quirk, Severity, reference_url
from runbook_lib.quirks.remedies import installed_versions, remedy_for, versions_sentence
from runbook_lib.quirks.rules import RuleBook
from runbook_lib.quirks.scan import MAX_OCCURRENCES, Hit, Scanner
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Addresses, Cell, Note, Section, Table
from runbook_lib.render.values import fix_cell, format_bytes

COLLECT = (
    "the whole traceback, from the first 'Traceback' to the last line, with every chained exception",
    "the versions: `runbook doctor --json`",
    "the same failure with HF_HUB_VERBOSITY=debug set before Python starts",
    "where it runs: Windows or Linux, container or not, behind which proxy, as which user",
)
"""What helps to understand a failure that the catalogue does not know."""

_MAX_IN_EVENT = 100
_TRANSIENT = (Area.DOWNLOADS, Area.NETWORK)
"""Failures that can go away by themselves, when a request is repeated."""


class Finding(Value):
    """One quirk recognised in a log."""

    quirk: Quirk
    line_number: int
    line: str
    """The first line it was recognised in: printable, capped, secrets starred out."""
    occurrences: int
    """In how many lines; counting stops at `MAX_OCCURRENCES`."""
    warned: bool = False
    """Only warnings tell of it: what ended the program can be something else."""
    consequence_of: str = ""
    """The id of the quirk that lies deeper in the same chain of exceptions, every time this one occurs."""
    cause: str
    remedy: str
    """The remedy for the installed versions."""
    versions: str = ""
    """What the installed versions say about the quirk."""
    dont: str
    otherwise: str = ""
    """What else it can be, and the question that decides."""
    references: tuple[str, ...] = ()

    @field_serializer("quirk")
    def _named(self, quirk: Quirk) -> dict[str, str]:
        """Name the quirk in JSON; the rest of it is in the catalogue."""
        return {
            "id": quirk.id,
            "number": quirk.number,
            "title": quirk.title,
            "severity": quirk.severity,
            "evidence": quirk.evidence_words,
            "probe": quirk.probe,
            "fixed_by": quirk.fixed_by,
        }

    def table(self) -> Table:
        """Return the finding as a table of two columns."""
        more = "+" if self.occurrences >= MAX_OCCURRENCES else ""
        rows: list[tuple[str, Cell]] = [
            ("severity", self.quirk.severity.value),
            ("line", str(self.line_number)),
            ("text", self.line),
            ("seen", f"in {self.occurrences}{more} lines" if self.occurrences > 1 else ""),
            ("follows from", self.consequence_of),
            ("cause", self.cause),
            ("or else", self.otherwise),
            ("do", self.remedy),
            ("not this", self.dont),
            ("versions", self.versions),
            ("fixed by", fix_cell(self.quirk.fixed_by)),
            ("evidence", self.quirk.evidence_words),
            ("unproven", " ".join(self.quirk.hypotheses)),
            ("see", Addresses(self.references) if self.references else ""),
        ]
        shown = tuple((name, text) for name, text in rows if text)
        return Table(f"{self.quirk.id}: {self.quirk.title}", ("", "what is known"), shown)


class Diagnosis(Rendered, Value):
    """What was recognised in a log; `str()`, HTML in a notebook, `model_dump()` for JSON."""

    findings: tuple[Finding, ...]
    """Causes before what follows from them and before mere warnings of Python's, then by severity, then by place."""
    recovered: tuple[Finding, ...] = ()
    """What failed at first and went well afterwards, in the same log."""
    innermost: str | None
    """The line with the innermost exception of the last traceback, or the last line with an error."""
    lines_read: int
    size_bytes: int

    def sections(self) -> Sequence[Section]:
        """Return the summary and one table for each finding."""
        lines = "1 line" if self.lines_read == 1 else f"{self.lines_read} lines"
        read = f"{lines} ({format_bytes(self.size_bytes)}) read"
        recovered = [Note("Recovered by itself", tuple(map(_told, self.recovered)))] if self.recovered else []
        if self.findings:
            names = ", ".join(finding.quirk.id for finding in self.findings)
            return [
                Note("Diagnosis", (f"{read}; recognised: {names}.", *self._unexplained())),
                *(finding.table() for finding in self.findings),
                *recovered,
            ]
        if self.recovered and not self.innermost:
            return [Note("Diagnosis", (f"{read}; nothing to fix.",)), *recovered]
        if not self.innermost:
            return [Note("Diagnosis", (f"{read}; no known quirk recognised.", "There is no error in it."))]
        return [
            Note("Diagnosis", (f"{read}; no known quirk recognised.", f"The innermost error is: {self.innermost}")),
            *recovered,
            Note("What to collect", tuple(f"- {item}" for item in COLLECT)),
        ]

    def _unexplained(self) -> Sequence[str]:
        """Return the innermost error where all that was recognised are warnings, which need not be its cause."""
        if self.innermost is None or not all(finding.warned for finding in self.findings):
            return ()
        if any(self.innermost in finding.line for finding in self.findings):
            return ()
        return (f"Only warnings tell of that. The innermost error is: {self.innermost}",)


def _told(finding: Finding) -> str:
    return f"{finding.quirk.id}, line {finding.line_number}: {finding.line}"


def diagnose(
    log: BinaryIO | Path | str,
    *,
    installed: Mapping[str, str] | None = None,
    platform: str | None = None,
) -> Diagnosis:
    """Name the known quirks in a log or traceback of any size, in constant memory.

    Args:
        log: A binary stream, which is read to its end and not closed, the path of a file, or the text itself.
        installed: Versions of packages on the machine the log comes from; without it those of this interpreter.
        platform: `windows`, `linux` or `macos`, where the log comes from, if remedies differ.

    Raises:
        OSError: The file cannot be read.
    """
    if isinstance(log, Path):
        with log.open("rb") as file:
            return _diagnose(file, installed, platform)
    stream = BytesIO(log.encode("utf-8", "backslashreplace")) if isinstance(log, str) else log
    return _diagnose(stream, installed, platform)


def diagnose_given(*, error: str = "", log: str = "") -> Diagnosis:
    """Diagnose the log file when its path is given, else the pasted text; for a notebook's two parameters.

    Raises:
        UsageError: The file cannot be read.
    """
    try:
        return diagnose(Path(log) if log else error)
    except OSError as problem:
        raise UsageError(
            f"{log} cannot be read.", why=problem.strerror or str(problem), remedy="Give the path of a log file."
        ) from problem


@cache
def rule_book() -> RuleBook:
    """Return the catalogue's patterns, compiled once in a process."""
    return RuleBook(load_catalogue())


def _diagnose(stream: BinaryIO, installed: Mapping[str, str] | None, platform: str | None) -> Diagnosis:
    reader, scanner = LogReader(stream), Scanner(rule_book())
    for window in reader.windows():
        scanner.scan(window)
    by_quirk: dict[str, list[Hit]] = {}
    for hit in scanner.hits:
        by_quirk.setdefault(hit.quirk.id, []).append(hit)
    findings, recovered = list[Finding](), list[Finding]()
    by_event, settled = _by_event(scanner.hits), False
    for name, hits in by_quirk.items():
        evidence = scanner.evidence[name]
        found = _finding(evidence, _occurrences(hits, scanner), _deeper_quirk(hits, by_event), installed, platform)
        went_well = _went_well(hits, scanner)
        (recovered if went_well else findings).append(found)
        settled |= went_well and scanner.last_failure in {hit.place for hit in hits}
    return Diagnosis(
        findings=_ranked(findings, scanner),
        recovered=_ranked(recovered, scanner),
        innermost=scanner.last_exception or None if settled else scanner.innermost,
        lines_read=reader.lines_read,
        size_bytes=reader.size_bytes,
    )


def _went_well(hits: Sequence[Hit], scanner: Scanner) -> bool:
    """Say whether what failed on the way ended no program, and the log tells of success after it."""
    last = max(hit.place for hit in hits)
    last_line = max(scanner.last_like(hit.line_number) for hit in hits)
    return (
        (hits[0].quirk.temporary or hits[0].quirk.area in _TRANSIENT)
        and not any(hit.traced for hit in hits)
        and max(last, (last_line, 0, 0)) < scanner.last_success
        and scanner.last_failure <= last
    )


def _finding(
    evidence: tuple[Hit, str],
    occurrences: int,
    consequence_of: str,
    installed: Mapping[str, str] | None,
    platform: str | None,
) -> Finding:
    shown, line = evidence
    quirk = shown.quirk.told_by(shown.clue)
    if installed is None:
        installed = installed_versions(_packages(quirk))
    return Finding(
        quirk=quirk,
        line_number=shown.line_number,
        line=line,
        occurrences=occurrences,
        warned=shown.warning and not shown.traced,
        consequence_of=consequence_of,
        cause=f"{quirk.cause} {shown.clue.note}" if shown.clue.note else quirk.cause,
        remedy=remedy_for(quirk, installed, platform),
        versions=versions_sentence(quirk, installed),
        dont=quirk.dont,
        otherwise=quirk.otherwise or "",
        references=tuple(map(reference_url, quirk.references)),
    )


def _occurrences(hits: Sequence[Hit], scanner: Scanner) -> int:
    lines = {hit.line_number for hit in hits}
    return min(MAX_OCCURRENCES, len(lines) + sum(map(scanner.repeats_of, lines)))


def _packages(quirk: Quirk) -> set[str]:
    named = {affected.package for affected in quirk.packages}
    return named | {remedy.package for remedy in quirk.remedies if remedy.package}


def _by_event(hits: Iterable[Hit]) -> Mapping[int, Sequence[Hit]]:
    """Sort hits by their event; what is only noise causes nothing."""
    by_event: dict[int, list[Hit]] = {}
    for hit in hits:
        found = by_event.setdefault(hit.event, [])
        if hit.quirk.severity is not Severity.NOISE and len(found) < _MAX_IN_EVENT:
            found.append(hit)
    return by_event


def _deeper_quirk(hits: Sequence[Hit], by_event: Mapping[int, Sequence[Hit]]) -> str:
    """Return the quirk that lies deeper than all hits, each in its own event; empty if one hit has none deeper."""
    deeper = ""
    for hit in hits:
        causes = [other for other in by_event.get(hit.event, ()) if _is_deeper(other, hit)]
        if not causes:
            return ""
        deeper = min(causes, key=lambda cause: (cause.depth, -cause.column)).quirk.id
    return deeper


def _is_deeper(other: Hit, hit: Hit) -> bool:
    """Say whether `other` is nearer to the cause: an earlier traceback of the chain, or further right in the line.

    Messages nest to the right: `LocalEntryNotFoundError: ... Got: ConnectError: [SSL: ...]`.
    """
    if other.quirk.id == hit.quirk.id:
        return False
    if other.place == hit.place:
        return other.column > hit.column
    return hit.traced and other.traced and other.depth < hit.depth


def _ranked(findings: Sequence[Finding], scanner: Scanner) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: _rank(finding, scanner.evidence[finding.quirk.id][0])))


def _rank(finding: Finding, hit: Hit) -> tuple[bool, bool, int, int]:
    return bool(finding.consequence_of), hit.passed_over, finding.quirk.severity.rank, finding.line_number
