"""The run as a text file for Prometheus: node_exporter's textfile collector reads it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from runbook_lib.core import atomic
from runbook_lib.errors import UsageError
from runbook_lib.history.entry import HistoryEntry
from runbook_lib.run.check import Status
from runbook_lib.system.filesystem import refusals_told

_SUFFIX: Final = ".prom"
Labels = Mapping[str, str]


def require_metrics_file(path: Path) -> None:
    """Raise `UsageError` for a name that the textfile collector passes over."""
    if path.suffix != _SUFFIX:
        raise UsageError(
            f"Nothing would read {path}.",
            why=f"The textfile collector of node_exporter reads files that end in {_SUFFIX}.",
            remedy=f"Name it like this: --metrics /var/lib/node_exporter/docling-runbook{_SUFFIX}.",
        )


def write_metrics(path: Path, run: HistoryEntry, last_good: HistoryEntry | None, exit_code: int) -> None:
    """Write the file at once: a collector that comes meanwhile reads the old one. Raises `DiskError`."""
    with refusals_told(f"The metrics cannot be written: {path}.", "Name a folder that this user may write to."):
        atomic.write_text(path, metrics_text(run, last_good, exit_code))


def metrics_text(run: HistoryEntry, last_good: HistoryEntry | None, exit_code: int) -> str:
    """Return the file. The time of the last run that worked stands in it also when this one did not."""
    good = run if run.worked else last_good
    practice = {"practice": str(run.practice).lower()}
    lines = [
        *_family("success", "Whether a document converted and nothing failed.", [(practice, float(run.worked))]),
        *_family("exit_code", "Exit code of the run.", [({}, float(exit_code))]),
        *_family("began_timestamp_seconds", "When the run began.", [({}, run.began_at.timestamp())]),
        *_family(
            "worked_timestamp_seconds",
            "When the last run that worked began.",
            [({}, good.began_at.timestamp())] if good else [],
        ),
        *_family("duration_seconds", "What the stages took together.", [({}, run.elapsed_s)]),
        *_family(
            "stage_duration_seconds",
            "What each stage took.",
            [({"stage": stage.stage}, stage.elapsed_s) for stage in run.stages if stage.status],
        ),
        *_family("checks", "Checks by how they were answered.", _checks(run)),
        *_family("size_bytes", "Sizes by what was measured.", [({"of": n}, float(s)) for n, s in run.sizes.items()]),
    ]
    return "\n".join(lines) + "\n"


def _checks(run: HistoryEntry) -> list[tuple[Labels, float]]:
    return [({"status": status.value}, float(sum(check.status == status for check in run.checks))) for status in Status]


def _family(name: str, words: str, samples: list[tuple[Labels, float]]) -> Iterator[str]:
    if not samples:
        return
    full = f"docling_runbook_{name}"
    yield f"# HELP {full} {words}"
    yield f"# TYPE {full} gauge"
    for labels, value in samples:
        named = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{full}{{{named}}} {value!r}" if named else f"{full} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
