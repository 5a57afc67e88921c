"""Runs for years, in minutes: many in a row in one process, and several such processes at once in one folder of runs.

`python -m benchmarks.soak --runs 200` plays 200 runs in a row, then as many by four processes at once, and prints what
each process holds as it goes on: processes, ports, open files, threads, memory, temporary files, files in the folder of
runs. Exit code 1 when something grows.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Final

import click
import psutil

from runbook_lib.cli import main as runbook_main
from runbook_lib.render.sections import Note, Table
from runbook_lib.render.text import to_text
from runbook_lib.render.values import format_bytes, format_seconds

KEPT_RUNS: Final = 8
"""So many run folders stay; beyond them no file may be added by a run, but for its line in the history."""
_ALLOWED: Final = {"processes": 0, "ports": 0, "files": 0, "threads": 0, "memory_bytes": 8_000_000}
"""What a process may hold more at its end than at its beginning: allocators do not give all memory back."""
_BESIDE_RUNS: Final = 8
"""Names in the folder of runs that are no runs: the history, locks."""
_ROWS: Final = 12


@dataclass(frozen=True)
class Sample:
    """What a process holds after one of its runs."""

    lane: int
    run: int
    exit_code: int
    elapsed_s: float
    cpu_s: float
    """Of the process and of what it started and waited for, since it began."""
    processes: int
    ports: int
    files: int
    """Open files, sockets and pipes; handles on Windows."""
    threads: int
    memory_bytes: int


def growth(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Return what one process holds more of in the last quarter of its runs than in the first, in words."""
    quarter = max(1, len(samples) // 4)
    found = []
    for name, allowed in _ALLOWED.items():
        before, after = (median(getattr(one, name) for one in part) for part in (samples[:quarter], samples[-quarter:]))
        if after - before > allowed:
            found.append(f"{name}: {before:,.0f} -> {after:,.0f}")
    return tuple(found)


def soak(place: Path, *, lanes: int, runs: int, limit_s: float = inf) -> tuple[list[Sample], tuple[str, ...]]:
    """Play runs in each of so many processes, at once, in one folder of runs; returns samples and complaints.

    No run begins beyond the limit.
    """
    (place / "tmp").mkdir(parents=True, exist_ok=True)
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place / "tmp"))
    command = [sys.executable, "-m", "benchmarks.soak", "--lane"]
    started = [
        subprocess.Popen(
            [*command, str(lane), "--runs", str(runs), "--minutes", str(limit_s / 60), "--place", str(place)],
            env={**os.environ, **temporary, "PYTHONPATH": str(Path(__file__).parent.parent)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for lane in range(lanes)
    ]
    samples = [Sample(**json.loads(line)) for lane in started for line in lane.communicate()[0].splitlines()]
    ended = [lane.returncode for lane in started]
    return samples, (*_complaints(samples, ended), *_left(place, lanes))


def _complaints(samples: Sequence[Sample], ended: Sequence[int]) -> Iterator[str]:
    if any(ended):
        yield f"exit codes of the processes: {ended}"
    failed = [sample.exit_code for sample in samples if sample.exit_code]
    if failed:
        yield f"{len(failed)} runs failed, with exit codes {sorted(set(failed))}"
    for lane in sorted({sample.lane for sample in samples}):
        for found in growth([sample for sample in samples if sample.lane == lane]):
            yield f"process {lane + 1}: {found}"


def _left(place: Path, lanes: int) -> Iterator[str]:
    """Yield what is there after all processes ended: each that they started has the folder in its environment."""
    yield from (f"left in the folder for temporary files: {path.name}" for path in (place / "tmp").iterdir())
    names = sorted(path.name for path in (place / "runs").iterdir())
    if len(names) > KEPT_RUNS + lanes + _BESIDE_RUNS:  # a run that is going on keeps its folder
        yield f"{len(names)} names in the folder of runs: {', '.join(names)}"
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and str(place / "tmp") in " ".join(process.environ().values()):
                yield f"left running: {process.name()}, process {process.pid}"


def _play(lane: int, runs: int, limit_s: float, place: Path) -> None:
    """Play the runs in this process, and write a sample after each."""
    until = monotonic() + limit_s
    os.chdir(place)
    own = {"cache_dir": place / "cache", "artifacts_dir": place / "artifacts", "keep": f"runs={KEPT_RUNS}"}
    asked = [word for name, value in own.items() for word in ("-p", name, str(value))]
    for number in range(1, runs + 1):
        if monotonic() > until:
            return
        ended = _command(["run", "--practice", "--only", "configure_env", *asked])
        print(json.dumps(asdict(_sample(lane, number, ended))), flush=True)


def _command(words: list[str]) -> tuple[int, float]:
    """Call the command line as a process does that runs it once; returns exit code and seconds."""
    sys.argv[1:] = words
    out, sys.stdout = sys.stdout, sys.stderr
    began = monotonic()
    try:
        runbook_main()
    except SystemExit as end:
        return int(end.code or 0), monotonic() - began
    finally:
        sys.stdout = out
    raise AssertionError("the command line ends by SystemExit")


def _sample(lane: int, number: int, ended: tuple[int, float]) -> Sample:
    this, took = psutil.Process(), os.times()
    return Sample(
        lane=lane,
        run=number,
        exit_code=ended[0],
        elapsed_s=ended[1],
        cpu_s=took.user + took.system + took.children_user + took.children_system,
        processes=len(this.children(recursive=True)),
        ports=sum(one.status == psutil.CONN_LISTEN for one in this.net_connections("inet")),
        files=getattr(this, "num_handles" if os.name == "nt" else "num_fds")(),
        threads=this.num_threads(),
        memory_bytes=this.memory_info().rss,
    )


def curve(samples: Sequence[Sample]) -> Table:
    """Return what one process held, a row for some of its runs."""
    step = max(1, len(samples) // _ROWS)
    shown = (*samples[::step], *(samples[-1:] if (len(samples) - 1) % step else ()))
    rows = tuple((str(one.run), *_row(one)) for one in shown)
    columns = ("run", "processes", "ports", "open files", "threads", "memory", "took", "CPU so far")
    return Table(f"Process {samples[0].lane + 1}", columns, rows)


def _row(one: Sample) -> tuple[str, ...]:
    counts = (one.processes, one.ports, one.files, one.threads)
    return (*map(str, counts), format_bytes(one.memory_bytes), format_seconds(one.elapsed_s), format_seconds(one.cpu_s))


@click.command()
@click.option("--runs", default=200, show_default=True, help="Runs in a row, and as many again by processes at once.")
@click.option("--at-once", default=4, show_default=True, help="Processes at once.")
@click.option("--minutes", default=inf, help="Begin no further run after so long, in a row and at once.")
@click.option("--lane", type=int, hidden=True)
@click.option("--place", type=click.Path(path_type=Path), hidden=True)
def main(runs: int, at_once: int, minutes: float, lane: int | None, place: Path | None) -> None:
    """Play runs in a row and at once; exit code 1 when something grows or is left behind."""
    if lane is not None and place is not None:
        _play(lane, runs, 60 * minutes, place)
        return
    grown = False
    for title, lanes, each in (("in a row", 1, runs), ("at once", at_once, -(-runs // at_once))):
        with tempfile.TemporaryDirectory(prefix="runbook-soak-") as name:
            samples, complaints = soak(Path(name), lanes=lanes, runs=each, limit_s=60 * minutes)
        words = complaints or ("nothing grew, and nothing was left behind",)
        verdict = Note(f"{len(samples)} runs, {title}: {lanes} process{'es' if lanes > 1 else ''}", words)
        curves = (curve([sample for sample in samples if sample.lane == number]) for number in range(lanes))
        print(to_text((verdict, *curves)), flush=True)
        grown = grown or bool(complaints)
    raise SystemExit(1 if grown else 0)


if __name__ == "__main__":
    main()
