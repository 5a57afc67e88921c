"""Measuring commands: each in a process of its own, in pairs, medians of several rounds."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path

_LEAST_CPU_S = 0.01
"""What the system's clock of CPU time can tell from nothing."""
_LAUNCHER = Path(__file__).with_name("one_command.py")


@dataclass(frozen=True)
class Cost:
    """What one execution of a command took."""

    elapsed_s: float
    cpu_s: float
    """User and system time of the command and of what it started."""
    peak_memory_bytes: int
    """On Linux of the command and what it started together, pages they share counted once; elsewhere of the largest."""
    printed: str = ""

    @property
    def own_s(self) -> float:
        """Seconds that the command measured itself and printed as its last line."""
        return float(self.printed.splitlines()[-1])


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
    allowance_s: float
    """Taken off our time before the ratio: what the start of Python and of the libraries may cost."""
    ours_memory_bytes: int
    theirs_memory_bytes: int
    rounds: int
    memory_ratio: float
    """Median of the rounds' ratios of peak memory."""
    memory_limit: float | None
    """The ratio of peak memory that is allowed; None where it is only told."""
    cpu_ratio: float
    """Median of the rounds' ratios of CPU time: on a busy machine it says more than the clock."""

    @property
    def holds(self) -> bool:
        """Whether the ratios are within their limits."""
        within = self.limit is None or self.ratio <= self.limit
        return within and (self.memory_limit is None or self.memory_ratio <= self.memory_limit)

    def as_row(self) -> dict[str, object]:
        """Return the comparison for JSON."""
        return {**asdict(self), "holds": self.holds}


def run_command(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, accepted: Sequence[int] = (0,)
) -> Cost:
    """Run a command to its end; an exit code that is not accepted stops the benchmark with its output."""
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), *command]
    told = subprocess.run(launcher, env=dict(environment or os.environ), stdout=subprocess.PIPE, check=True).stdout
    elapsed_s, cpu_s, peak_memory_bytes, exit_code, output = json.loads(told)
    if exit_code not in accepted:
        raise SystemExit(f"{' '.join(command)} failed:\n{output}")
    return Cost(elapsed_s, cpu_s, peak_memory_bytes, output)


def compare(
    name: str,
    ours: Callable[[], Cost],
    theirs: Callable[[], Cost],
    *,
    rounds: int,
    limit: float | None = None,
    seconds: Callable[[Cost], float] = attrgetter("elapsed_s"),
    allowance_s: float = 0.0,
    memory_limit: float | None = None,
) -> Comparison:
    """Run both in turn, swapping who goes first, after one round that only warms the page cache.

    `seconds` says which of the seconds of a run count: those of the clock, of the CPU, or those it printed.
    """
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
        ours_s=statistics.median(seconds(mine) for mine, _ in pairs),
        theirs_s=statistics.median(seconds(other) for _, other in pairs),
        ratio=statistics.median(max(seconds(mine) - allowance_s, 0.0) / seconds(other) for mine, other in pairs),
        limit=limit,
        allowance_s=allowance_s,
        ours_memory_bytes=max(mine.peak_memory_bytes for mine, _ in pairs),
        theirs_memory_bytes=max(other.peak_memory_bytes for _, other in pairs),
        rounds=rounds,
        memory_ratio=statistics.median(mine.peak_memory_bytes / other.peak_memory_bytes for mine, other in pairs),
        memory_limit=memory_limit,
        cpu_ratio=statistics.median(mine.cpu_s / max(other.cpu_s, _LEAST_CPU_S) for mine, other in pairs),
    )
