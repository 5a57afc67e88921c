"""How the report of a fleet grows with its records: a process for each point, so that memory is that point's own.

`python -m benchmarks.fleet_scale 1000 10000 100000` measures folders and tables of so many simulated hosts and prints
the rows of docs/scale.md; `--tables` leaves the folders out.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from runbook_lib.render.values import format_bytes, format_seconds
from tests.inputs.simulated_fleet import write_folders, write_parquet

TABLES_ALONE: Final = "--tables"
_ONE: Final = "--one"
_KIB: Final = 1024


@dataclass(frozen=True)
class Point:
    """One report."""

    form: str
    hosts: int
    wall_s: float
    cpu_s: float
    memory_bytes: int
    stored_bytes: int

    def row(self) -> str:
        """Return the row of the table."""
        each = f"{1000 * self.cpu_s / self.hosts:.2f} ms"
        took = f"{format_seconds(self.wall_s)} | {format_seconds(self.cpu_s)} | {each}"
        sizes = f"{format_bytes(self.memory_bytes)} | {format_bytes(self.stored_bytes)}"
        return f"| {self.hosts:,} | {self.form} | {took} | {sizes} |"


def measured(form: str, hosts: int, place: Path) -> Point:
    """Make the records of so many hosts and report on them in a process of its own."""
    (write_parquet if form == "table" else write_folders)(hosts, place)
    stored = place.stat().st_size if form == "table" else sum(path.stat().st_size for path in place.rglob("*.json"))
    command = [sys.executable, "-m", "benchmarks.fleet_scale", _ONE, str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Point(form, hosts, stored_bytes=stored, **json.loads(done.stdout))


def _one(place: str) -> None:
    from runbook_lib.fleet.report.ask import parse_upgrade, report_of
    from runbook_lib.fleet.report.page import page_of
    from runbook_lib.fleet.report.store import opened_store

    began = time.perf_counter()
    with opened_store() as store:
        page_of(report_of(store, [place], upgrades=[parse_upgrade("huggingface_hub=2.4.0")]))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    taken = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time(), "memory_bytes": memory}
    print(json.dumps(taken))


def main() -> None:
    """Print a row a point."""
    counts = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    forms = ("table",) if TABLES_ALONE in sys.argv else ("folders", "table")
    points = []
    with tempfile.TemporaryDirectory(prefix="runbook-fleet-") as home:
        for hosts in counts:
            for form in forms:
                place = Path(home, f"{hosts}.parquet" if form == "table" else f"{hosts}")
                points.append(measured(form, hosts, place))
                print(points[-1].row(), flush=True)
    print(json.dumps([asdict(point) for point in points], indent=2), file=sys.stderr)


if __name__ == "__main__":
    if _ONE in sys.argv:
        _one(sys.argv[-1])
    else:
        main()
