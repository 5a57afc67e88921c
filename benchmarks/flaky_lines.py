"""`python -m benchmarks.flaky_lines`: downloads over a line that drops connections, ours beside the bare client's.

A pair is one seed: the same hub drops the same requests, first for `snapshot_download`, then for stage download, both
with the huggingface_hub of this interpreter. A download has ended well when it says so and every byte is there.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from benchmarks.places import PYTHON, fresh
from runbook_lib.core import atomic
from runbook_lib.practice.content import Content
from runbook_lib.practice.faults import Fault, FaultKind
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.render.rendered import show
from runbook_lib.render.sections import Table
from runbook_lib.render.values import format_seconds

RESULTS = Path(__file__).parent / "results"
REPO_ID = "bench/flaky"
FILE_COUNT = 8
FILE_BYTES = 50_000
PERCENTS = (15, 30)
SEEDS = range(8)
KINDS: tuple[FaultKind, ...] = ("reset", "hang_up")
_LIMIT_S = 300.0
_BARE = "import sys, huggingface_hub as hub; hub.snapshot_download(sys.argv[1], cache_dir=sys.argv[2])"


@dataclass(frozen=True)
class Ending:
    """How a download ended."""

    well: bool
    elapsed_s: float
    requests: int
    why: str


@dataclass(frozen=True)
class Pair:
    """The bare client and stage download over the same line."""

    kind: FaultKind
    percent: int
    seed: int
    bare: Ending
    ours: Ending

    @property
    def holds(self) -> bool:
        """Whether ours ended well wherever the bare client did, and always on the better line."""
        return self.ours.well or not (self.bare.well or self.percent <= PERCENTS[0])


def serve() -> PracticeHub:
    """Return a hub with a model of many small files: what counts is the number of connections."""
    weights = (
        RepositoryFile(f"w{number}.bin", Content.of_padding(FILE_BYTES, f"flaky {number}"), lfs=True)
        for number in range(FILE_COUNT)
    )
    files = (RepositoryFile("config.json", Content.of_bytes(b"{}\n")), *weights)
    return PracticeHub(repositories=[linear_history(REPO_ID, files)])


def paired(hub: PracticeHub, folder: Path, kind: FaultKind, percent: int, seed: int) -> Pair:
    """Download twice over the same line, into fresh folders."""
    line = Fault(kind, percent=percent, seed=seed)
    home = fresh(folder)
    bare = _ending(hub, line, [PYTHON, "-c", _BARE, REPO_ID, str(home / "bare")], home / "bare")
    places = [str(home / "ours" / part) for part in ("hub", "artifacts", "run")]
    command = [PYTHON, "-m", "benchmarks.ours", "fetch", *places, REPO_ID, hub.url, "main", "auto"]
    return Pair(kind, percent, seed, bare, _ending(hub, line, command, home / "ours" / "hub"))


def _ending(hub: PracticeHub, line: Fault, command: Sequence[str], cache_dir: Path) -> Ending:
    hub.reset_counters()
    hub.play(line)
    variables = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1"}
    started = time.monotonic()
    try:
        done = subprocess.run(
            command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
        said, ended = done.stderr.strip().splitlines()[-1:], done.returncode == 0
    except subprocess.TimeoutExpired:
        said, ended = [f"did not end within {_LIMIT_S:g} s"], False
    finally:
        hub.play()
    elapsed_s = round(time.monotonic() - started, 1)
    well = ended and _is_whole(hub, cache_dir)
    return Ending(well, elapsed_s, hub.counters.requests, "" if well else " ".join(said) or "not all bytes are there")


def _is_whole(hub: PracticeHub, cache_dir: Path) -> bool:
    head = hub.repositories[0].head
    snapshot = cache_dir / f"models--{REPO_ID.replace('/', '--')}" / "snapshots" / head.id
    return all((snapshot / file.path).read_bytes() == b"".join(file.content.read()) for file in head.files)


def pairs(folder: Path) -> Iterator[Pair]:
    """Measure every kind of break, share and seed."""
    with serve() as hub:
        for kind in KINDS:
            for percent in PERCENTS:
                for seed in SEEDS:
                    yield paired(hub, folder / f"{kind}-{percent}-{seed}", kind, percent, seed)


def summary(measured: Sequence[Pair]) -> Table:
    """Return how many ended well, and how long ours took, line by line."""
    rows = []
    for kind, percent in dict.fromkeys((pair.kind, pair.percent) for pair in measured):
        group = [pair for pair in measured if (pair.kind, pair.percent) == (kind, percent)]
        bare, ours = (sum(getattr(pair, side).well for pair in group) for side in ("bare", "ours"))
        slowest_s = max(pair.ours.elapsed_s for pair in group)
        rows.append(
            (kind, f"{percent} %", f"{bare} of {len(group)}", f"{ours} of {len(group)}", format_seconds(slowest_s))
        )
    return Table(
        "Ended well", ("break", "requests struck", "bare client", "stage download", "its slowest"), tuple(rows)
    )


@click.command()
def main() -> None:
    """Measure all pairs; exit code 1 when ours ends worse in one of them."""
    measured: list[Pair] = []
    with tempfile.TemporaryDirectory(prefix="runbook-flaky-") as name:
        for pair in pairs(Path(name)):
            measured.append(pair)
            click.echo(f"{pair.kind} {pair.percent} % seed {pair.seed}: bare {pair.bare}, ours {pair.ours}", err=True)
    click.echo(str(show(summary(measured))))
    now = datetime.now(UTC)
    document = {
        "schema_version": 1,
        "measured_at": now.isoformat(timespec="seconds"),
        "machine": {"system": platform.system(), "cores": os.cpu_count(), "python": platform.python_version()},
        "packages": {"huggingface_hub": version("huggingface_hub")},
        "pairs": [asdict(pair) for pair in measured],
    }
    atomic.write_text(RESULTS / f"flaky-{now:%Y%m%dT%H%M%SZ}.json", json.dumps(document, indent=2) + "\n")
    sys.exit(0 if all(pair.holds for pair in measured) else 1)


if __name__ == "__main__":
    main()
