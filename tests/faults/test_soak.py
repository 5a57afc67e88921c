"""Many runs in one process, and processes at once: nothing grows; benchmarks/soak.py plays them by the hundred."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.soak import Sample, growth, soak

STEADY = Sample(0, 1, 0, 1.0, 1.0, processes=0, ports=0, files=4, threads=1, memory_bytes=90_000_000)
LANES, RUNS = 4, 2


def curve(**by_run: float) -> list[Sample]:
    """Return forty samples in which each of these grows by so much with every run."""
    return [
        replace(STEADY, run=run, **{name: int(getattr(STEADY, name) + run * step) for name, step in by_run.items()})
        for run in range(40)
    ]


@pytest.mark.parametrize(
    ("by_run", "said"),
    [
        ({"files": 1}, "files: 8 -> 38"),
        ({"processes": 0.1}, "processes: 0 -> 3"),
        ({"threads": 1, "memory_bytes": 300_000}, "threads: 6 -> 36, memory_bytes: 91,350,000 -> 100,350,000"),
        ({"memory_bytes": 100_000}, ""),
        ({}, ""),
    ],
)
def test_what_grows_is_said_and_what_allocators_keep_is_not(by_run: dict[str, float], said: str) -> None:
    assert ", ".join(growth(curve(**by_run))) == said


@pytest.mark.client
@pytest.mark.timeout(600)
def test_four_processes_that_run_again_and_again_in_one_folder_hold_no_more_at_the_end(tmp_path: Path) -> None:
    samples, complaints = soak(tmp_path, lanes=LANES, runs=RUNS)
    assert complaints == ()
    assert [(sample.lane, sample.run) for sample in samples] == [
        (lane, run) for lane in range(LANES) for run in range(1, RUNS + 1)
    ]
    history = (tmp_path / "runs" / "history.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(history) >= LANES * RUNS, "no line is lost of those that wrote at once"
