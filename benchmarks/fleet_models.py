"""Models for eight hosts, in network namespaces with links of one speed: through the fleet, and each by itself.

`python -m benchmarks.fleet_models` takes root, iproute2 and some minutes. The hub is behind a link of the same speed as
each host's, as a site is behind its line; scheduler and client share another one. Everything is measured as whole
commands, of the same bytes into empty caches, one after the other: the bare client on one host, on all hosts at once,
and the fleet. What real hosts do not share is left out as far as it can be: the disk, by working in memory, and the
cores, on which eight workers would import what their first task takes, by bringing a small model before.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from benchmarks.site import laid, started_in, why_not
from runbook_lib.core import atomic
from runbook_lib.fleet.certificates import SCHEDULER, issue
from runbook_lib.fleet.tls import TlsFiles
from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import Repository, RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.lock_file import LockFile
from tests.dask_commands import tls_options
from tests.inputs.locked_models import lock_of

RESULTS: Final = Path(__file__).parent / "results"
REPO_ID, WARM_UP_ID = "bench/weights", "bench/small"
_HUB, _DESK = "hub", "desk"
"""Who is no host: the hub, and where scheduler and client run."""
_HUB_PORT, _SCHEDULER_PORT = 8080, 8786
_IN_MEMORY: Final = "/dev/shm"
_SERVE: Final = "--serve"
_BARE: Final = "import sys, huggingface_hub as hub; hub.snapshot_download(sys.argv[1], cache_dir=sys.argv[2])"
_SMALL_BYTES: Final = 4096
_MOST: Final = 2.0
"""How many times one download the fleet may take."""


@dataclass(frozen=True)
class Measured:
    """One way of bringing the models to the hosts."""

    how: str
    hosts: int
    elapsed_s: float
    hub_bytes: int
    """What the hub sent of the files."""


def models(repo_id: str, size_bytes: int) -> Repository:
    """Return weights in four files."""
    files = (
        RepositoryFile(f"{number}.bin", Content.of_padding(size_bytes // 4, f"{repo_id} {number}"), lfs=True)
        for number in range(4)
    )
    return linear_history(repo_id, tuple(files))


class Site:
    """Hub, scheduler and hosts, each behind its link.

    Args:
        folder: Of all that is written.
        addresses: By name, the hub's among them.
        stack: Ends what is started.
    """

    def __init__(self, folder: Path, addresses: dict[str, str], stack: ExitStack, size_bytes: int) -> None:
        self._folder, self._addresses, self._stack = folder, addresses, stack
        self.hosts = [name for name in addresses if name not in (_HUB, _DESK)]
        self._hub_url = f"http://{addresses[_HUB]}:{_HUB_PORT}"
        words = [_SERVE, addresses[_HUB], str(size_bytes)]
        self._hub = self._started(_HUB, "hub", "-m", "benchmarks.fleet_models", *words)
        self._answer()

    def hub_bytes(self) -> int:
        """Return what the hub has sent of the files since it was asked last."""
        if self._hub.stdin is None:
            raise AssertionError("the hub can be asked")
        self._hub.stdin.write("\n")
        self._hub.stdin.flush()
        return self._answer()

    def each_by_itself(self, hosts: Sequence[str], how: str) -> Measured:
        """Download with the bare client on some hosts at once."""
        self.hub_bytes()
        began_s = time.monotonic()
        running = [
            self._started(name, f"{how}-{name}", "-c", _BARE, REPO_ID, str(self._home(name) / how)) for name in hosts
        ]
        return self._ended(running, how, len(hosts), began_s)

    def through_the_fleet(self, lock: LockFile) -> Measured:
        """Start scheduler and workers, then bring a small model and the models to all of them."""
        certs, url = self._folder / "certs", f"tls://{self._addresses[_DESK]}:{_SCHEDULER_PORT}"
        issue(certs, [self._addresses[_DESK]], days=2)
        told = tls_options(TlsFiles.of_role(certs, SCHEDULER))
        self._started(_DESK, "scheduler", "-m", "dask", "scheduler", "--host", url, "--no-dashboard", *told)
        cluster = ["--scheduler", url, "--certs", str(certs)]
        for name in self.hosts:
            words = [*cluster, "--host", name, "--listen", self._addresses[name]]
            self._started(name, f"worker-{name}", "-m", "runbook_lib", "fleet", "worker", *words)
        (self._home(_DESK) / "hosts.toml").write_text("\n".join(self._inventory()), encoding="utf-8")
        self._transfer("warm up", lock_of(models(WARM_UP_ID, _SMALL_BYTES)), cluster)
        return self._transfer("through the fleet", lock, cluster)

    def _transfer(self, how: str, lock: LockFile, cluster: Sequence[str]) -> Measured:
        (self._home(_DESK) / "lock.json").write_text(lock.text(), encoding="utf-8")
        words = ["fleet", "models", *cluster, "--inventory", "hosts.toml", "--lock", "lock.json", "--wait", "180"]
        self.hub_bytes()
        began_s = time.monotonic()
        client = self._started(_DESK, how, "-m", "runbook_lib", *words)
        return self._ended([client], how, len(self.hosts), began_s)

    def _inventory(self) -> Iterator[str]:
        for name in self.hosts:
            cache, artifacts = self._home(name) / "fleet", self._home(name) / "artifacts"
            yield f"[hosts.{name}.parameters]"
            yield f'hub = "{self._hub_url}"\ncache_dir = "{cache}"\nartifacts_dir = "{artifacts}"'

    def _ended(self, running: "Sequence[subprocess.Popen[str]]", how: str, hosts: int, began_s: float) -> Measured:
        codes = [process.wait() for process in running]
        elapsed_s = time.monotonic() - began_s
        if any(codes):
            said = "".join(process.stdout.read() for process in running if process.stdout)
            raise SystemExit(f"{how}: exit codes {codes}\n{said}")
        return Measured(how, hosts, elapsed_s, self.hub_bytes())

    def _started(self, name: str, log: str, *words: str) -> "subprocess.Popen[str]":
        variables = {
            "HF_ENDPOINT": self._hub_url,
            "HF_HUB_DISABLE_XET": "1",
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }
        with (self._folder / f"{log.replace(' ', '-')}.log").open("ab") as file:
            process = started_in(name, [sys.executable, *words], self._home(name), file, **variables)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def _answer(self) -> int:
        return int(self._hub.stdout.readline()) if self._hub.stdout else 0

    def _home(self, name: str) -> Path:
        home = self._folder / name
        home.mkdir(exist_ok=True)
        return home


async def _serve(address: str, size_bytes: int) -> None:
    """Be the practice hub at an address beyond loopback, and tell what it sent at every line that is read."""
    with PracticeHub(repositories=[models(REPO_ID, size_bytes), models(WARM_UP_ID, _SMALL_BYTES)]) as hub:
        port = int(hub.url.rpartition(":")[2])

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            back, out = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pump(reader, out), _pump(back, writer))

        await asyncio.start_server(relay, address, _HUB_PORT)
        print(0, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(hub.counters.weight_bytes, flush=True)
            hub.reset_counters()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@click.command()
@click.option("--hosts", "count", default=8, show_default=True, help="How many.")
@click.option("--mbit", default=16, show_default=True, help="Speed of every link.")
@click.option("--size-mb", default=128, show_default=True, help="Size of the models.")
@click.option("--fleet-only", is_flag=True, help="Leave out that each downloads for itself.")
def main(count: int, mbit: int, size_mb: int, fleet_only: bool) -> None:
    """Measure, and end with exit code 1 when the fleet takes more than twice one download or more than its bytes."""
    if reason := why_not():
        click.echo(f"models through a fleet: left out, {reason}")
        return
    size_bytes, place = size_mb << 20, _IN_MEMORY if Path(_IN_MEMORY).is_dir() else None
    names = [_HUB, _DESK, *(f"h{number}" for number in range(1, count + 1))]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rbfleet-", dir=place))
        addresses = stack.enter_context(laid(names, mbit))
        site = Site(Path(folder), addresses, stack, size_bytes)
        lock = lock_of(models(REPO_ID, size_bytes))
        measured = [site.each_by_itself(site.hosts[:1], "one download")]
        if not fleet_only:
            measured.append(site.each_by_itself(site.hosts, "each by itself"))
        measured.append(site.through_the_fleet(lock))
    one, fleet = measured[0], measured[-1]
    for row in measured:
        times, hub = row.elapsed_s / one.elapsed_s, row.hub_bytes / size_bytes
        click.echo(f"{row.how:<18} {row.hosts:3} {row.elapsed_s:7.1f} s {times:5.2f} x, from the hub {hub:.2f} x")
    told = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "mbit": mbit, "size_bytes": size_bytes}
    document = {**told, "cores": os.cpu_count(), "rows": [asdict(row) for row in measured]}
    atomic.write_text(RESULTS / f"fleet-models-{count}.json", json.dumps(document, indent=2) + "\n")
    raise SystemExit(fleet.elapsed_s > _MOST * one.elapsed_s or fleet.hub_bytes != size_bytes)


if __name__ == "__main__":
    if _SERVE in sys.argv:
        asyncio.run(_serve(sys.argv[2], int(sys.argv[3])))
    else:
        main()
