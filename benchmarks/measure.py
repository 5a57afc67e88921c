"""Measuring commands: each in a process of its own, in pairs, medians of several rounds."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Cost:
    """What one execution of a command took."""

    elapsed_s: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Comparison:
    """Ours beside a bare tool: medians of paired rounds."""

    name: str
    ours_s: float
    theirs_s: float
    ratio: float
    """Median of the rounds' ratios; below 1 we are faster."""
    limit: float | None
    """The ratio that is allowed; None where it is only told."""
    ours_memory_bytes: int
    theirs_memory_bytes: int
    rounds: int

    @property
    def holds(self) -> bool:
        """Whether the ratio is within its limit."""
        return self.limit is None or self.ratio <= self.limit

    def as_row(self) -> dict[str, object]:
        """Return the comparison for JSON."""
        return {**asdict(self), "holds": self.holds}


def run_command(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end; one that fails stops the benchmark with its output."""
    started = time.perf_counter()
    with subprocess.Popen(
        list(command), env=dict(environment or os.environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    elapsed_s = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output.decode(errors='replace')}")
    return Cost(elapsed_s, usage.ru_maxrss * 1024)


def compare(
    name: str, ours: Callable[[], Cost], theirs: Callable[[], Cost], *, rounds: int, limit: float | None = None
) -> Comparison:
    """Run both in turn, swapping who goes first, after one round that only warms the page cache."""
    pairs: list[tuple[Cost, Cost]] = []
    for number in range(rounds + 1):
        if number % 2:
            mine = ours()
            other = theirs()
        else:
            other = theirs()
            mine = ours()
        if number:
            pairs.append((mine, other))
    return Comparison(
        name=name,
        ours_s=statistics.median(mine.elapsed_s for mine, _ in pairs),
        theirs_s=statistics.median(other.elapsed_s for _, other in pairs),
        ratio=statistics.median(mine.elapsed_s / other.elapsed_s for mine, other in pairs),
        limit=limit,
        ours_memory_bytes=max(mine.peak_memory_bytes for mine, _ in pairs),
        theirs_memory_bytes=max(other.peak_memory_bytes for _, other in pairs),
        rounds=rounds,
    )
