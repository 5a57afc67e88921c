"""`python -m benchmarks`: run them all, print a table, keep the numbers as JSON."""

import json
import os
import platform
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from benchmarks import bundles, cases, whole_run
from benchmarks.first_request import first_request
from benchmarks.measure import Comparison
from runbook_lib.core import atomic
from runbook_lib.render.rendered import show
from runbook_lib.render.sections import Table
from runbook_lib.render.values import format_bytes, format_seconds

CASES = (
    *("verify", "download", "second_revision", "convert", "measure_disk", "service_start"),
    *("diagnose", "audit", "bundles", "whole_run", "start", "first_request"),
)
RESULTS = Path(__file__).parent / "results"


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Paired rounds of each comparison.")
@click.option("--only", type=click.Choice(CASES))
def main(rounds: int, only: str | None) -> None:
    """Measure against the bare tools; exit code 1 when a ratio is over its limit."""
    comparisons: list[Comparison] = []
    revisions: list[cases.SecondRevision] = []
    with tempfile.TemporaryDirectory(prefix="runbook-bench-") as name:
        compared = (
            *(cases.verify, cases.download, cases.convert, cases.measure_disk),
            *(cases.service_start, cases.diagnose, cases.audit, bundles.bundles),
            *(whole_run.whole_run, whole_run.start, first_request),
        )
        for case in compared:
            if only in (None, case.__name__):
                comparisons += case(Path(name, case.__name__), rounds)
        if only in (None, "second_revision"):
            revisions += cases.second_revision(Path(name, "second_revision"))
    _print(comparisons, revisions)
    _keep(comparisons, revisions)
    raise SystemExit(0 if all(comparison.holds for comparison in comparisons) else 1)


def _print(comparisons: list[Comparison], revisions: list[cases.SecondRevision]) -> None:
    rows = tuple(
        (
            "ok" if comparison.holds else "fail",
            comparison.name,
            format_seconds(comparison.ours_s),
            format_seconds(comparison.theirs_s),
            f"{comparison.ratio:.2f}",
            f"{comparison.cpu_ratio:.2f}",
            _limit(comparison),
            format_bytes(comparison.ours_memory_bytes),
            format_bytes(comparison.theirs_memory_bytes),
            f"{comparison.memory_ratio:.2f}",
        )
        for comparison in comparisons
    )
    columns = (
        "status",
        "ours / theirs",
        "ours",
        "theirs",
        "ratio",
        "CPU ratio",
        "limit",
        "our memory",
        "their memory",
        "memory ratio",
    )
    costs = tuple((one.name, format_bytes(one.fetched_bytes), format_bytes(one.on_disk_bytes)) for one in revisions)
    title = f"A second revision: 12 bytes changed beside {format_bytes(cases.SECOND_REVISION_BYTES)} of weights"
    click.echo(str(show(Table("Medians", columns, rows), Table(title, ("how", "fetched", "on disk"), costs))))


def _limit(comparison: Comparison) -> str:
    if comparison.limit is None:
        return "told only"
    allowed = f" and {comparison.allowance_s:g} s" if comparison.allowance_s else ""
    memory = f", memory {comparison.memory_limit}" if comparison.memory_limit else ""
    return f"{comparison.limit}{allowed}{memory}"


def _keep(comparisons: list[Comparison], revisions: list[cases.SecondRevision]) -> None:
    now = datetime.now(UTC)
    document = {
        "schema_version": 1,
        "measured_at": now.isoformat(timespec="seconds"),
        "machine": {"system": platform.system(), "cores": os.cpu_count(), "python": platform.python_version()},
        "packages": {name: version(name) for name in ("huggingface_hub", "docling-runbook")},
        "comparisons": [comparison.as_row() for comparison in comparisons],
        "second_revision": [one.as_row() for one in revisions],
    }
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    atomic.write_text(path, json.dumps(document, indent=2) + "\n")
    click.echo(f"kept in {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}", err=True)


if __name__ == "__main__":
    main()
