"""The result of an audit: what was found, what was read, what was not."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import computed_field

from runbook_lib.audit.finding import Finding, Severity, SkippedFile
from runbook_lib.audit.sarif import sarif_log
from runbook_lib.core.value import Value
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table


class AuditReport(Rendered, Value):
    """Findings in the order of files and lines; JSON through `model_dump`."""

    schema_version: int = 1
    findings: tuple[Finding, ...]
    suppressed: int
    """Findings that a comment in the file excuses."""
    files_read: tuple[str, ...]
    files_skipped: tuple[SkippedFile, ...]

    @computed_field  # type: ignore[prop-decorator] # mypy does not know pydantic's decorator on a property
    @property
    def worst(self) -> Severity | None:
        """The worst severity found; None without findings."""
        return min((one.severity for one in self.findings), key=lambda one: one.rank, default=None)

    def sections(self) -> Sequence[Section]:
        """Return the summary, the findings, what to do about each rule, and what was not read."""
        parts: list[Section] = [Note("Audit", (self._summary(),)), self._findings_table()]
        if self.findings:
            parts.append(self._remedies_table())
        if self.files_skipped:
            rows = tuple((one.path, one.reason) for one in self.files_skipped)
            parts.append(Table("Not read", ("path", "reason"), rows))
        return parts

    def to_sarif(self) -> dict[str, Any]:
        """Return the report as a SARIF 2.1.0 log, which GitHub shows beside the code."""
        return sarif_log(self.findings, self.files_skipped)

    def _summary(self) -> str:
        counts = Counter(one.severity for one in self.findings)
        found = ", ".join(_counted(counts[severity], severity.value) for severity in Severity)
        skipped = _counted(len(self.files_skipped), "path")
        read = _counted(len(self.files_read), "file")
        return f"{found} in {read} read; {self.suppressed} suppressed; {skipped} not read"

    def _findings_table(self) -> Table:
        rows = tuple((one.severity.value, f"{one.path}:{one.line}", one.rule_id, one.message) for one in self.findings)
        return Table("Findings", ("severity", "where", "rule", "what"), rows, empty="nothing found")

    def _remedies_table(self) -> Table:
        by_rule = {one.rule_id: one for one in self.findings}
        rows = tuple((one.rule_id, one.quirk or "-", one.remedy) for one in by_rule.values())
        return Table("What to do", ("rule", "quirk", "remedy"), rows)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
