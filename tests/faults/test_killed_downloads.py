"""A download killed at any moment is completed, intact, by the next one."""

import multiprocessing
import random
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import psutil
import pytest

from runbook_lib.practice.faults import Fault
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.stages.configure_env import plan_environment
from runbook_lib.stages.download.apply import apply_download
from runbook_lib.stages.download.facts import DownloadFacts, DownloadPlan
from runbook_lib.stages.download.hub_access import hub_access
from runbook_lib.stages.download.plan import plan_download
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.stage import verify
from tests.faults.conftest import FILE_BYTES, Settings, holds
from tests.forked_workers import fork_workers_here

MODES = ("symlink", "hardlink", "copy")
KILLS = 100
SHARES = 2
"""In how many tests the kills of a mode are done, so that they can run side by side."""
REPEATED = 0.85
"""How often the rerun of a killed download is killed as well, before one may run to its end."""
SLOW_BYTES_PER_S = 200_000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.enable_socket  # the fork server talks over a socket file
@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("mode", MODES)
def test_a_download_killed_at_any_moment_is_completed_by_the_next(
    hub: PracticeHub,
    settings: Settings,
    tmp_path: Path,
    mode: str,
    share: int,
    record_property: Callable[[str, object], None],
) -> None:
    """The second revision is fetched beside the first; both must be whole afterwards."""
    moments = random.Random(f"{mode}-{share}")
    run = open_run(**settings, links=mode)
    assert download(run).failed() == ()
    for name in ("cache", "artifacts"):
        shutil.copytree(tmp_path / name, tmp_path / "first" / name, symlinks=True)
    hub.move_head("second")
    killer = Killer(hub, run, tmp_path, moments)
    while killer.killed < KILLS // SHARES:
        killer.restore()
        killer.kill_one()
        while killer.killed < KILLS // SHARES and moments.random() < REPEATED:
            killer.kill_one()
        hub.play()
        facts = fetch(run, killer.plan)
        assert [model.problem for model in facts.models] == [""]
        assert verify(run).failed() == ()
        assert all(holds(run, commit) for commit in hub.repositories[0].commits)
    record_property("kills", f"{killer.killed}, {killer.in_transfer} of them in the transfer")
    assert killer.in_transfer >= KILLS // SHARES // 5, "the moments must not all lie before or after the transfer"


def fetch_with_a_forked_worker(run: OpenRun, plan: DownloadPlan) -> None:
    """Fetch in a child of the fork server; of a worker's time, starting Python would be most."""
    fork_workers_here()
    fetch(run, plan)


def fetch(run: OpenRun, plan: DownloadPlan) -> DownloadFacts:
    with hub_access(run, plan_environment(run)) as hub:
        facts, _changes = apply_download(hub, plan, time.monotonic() + 60)
    return facts


def descendants(pid: int | None) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):  # it has just ended
        return psutil.Process(pid).children(recursive=True)
    return []


class Killer:
    """Kills downloads of the second revision at random moments."""

    def __init__(self, hub: PracticeHub, run: OpenRun, home: Path, moments: random.Random) -> None:
        self._hub, self._run, self._home, self._moments = hub, run, home, moments
        self.plan = plan_download(run)
        self.killed = self.in_transfer = 0
        self._left_alone: list[psutil.Process] = []
        self._forks = multiprocessing.get_context("forkserver")
        self._forks.set_forkserver_preload([__name__, "tests.faults.preloaded_forks"])
        self._start().join()  # starts the fork server
        self.restore()
        started = time.monotonic()
        self._start().join()
        self._duration_s = time.monotonic() - started

    def restore(self) -> None:
        """Have the cache hold the first revision only, and nobody write to it."""
        _ended, alive = psutil.wait_procs(self._left_alone, timeout=10)
        assert not alive, "a worker whose parent was killed must end by itself"
        self._left_alone.clear()
        for name in ("cache", "artifacts"):
            shutil.rmtree(self._home / name)
            shutil.copytree(self._home / "first" / name, self._home / name, symlinks=True)

    def kill_one(self) -> None:
        """Start a download and kill it, every other time with its worker; a worker left alone ends by itself."""
        process = self._start()
        self._let_go_on(process)
        workers = descendants(process.pid)
        alive = process.is_alive()
        process.kill()
        if self._moments.random() < 0.5:
            self._left_alone.extend(workers)
        else:
            for worker in workers:
                with suppress(psutil.NoSuchProcess):
                    worker.kill()
        process.join()
        whole = sum(planned.fetch_bytes for planned in self.plan.models)
        self.killed += alive
        self.in_transfer += alive and 0 < self._hub.counters.weight_bytes < whole
        self._duration_s *= 1.02 if alive else 0.8  # the machine is busier at one time than at another

    def _let_go_on(self, process: ForkServerProcess) -> None:
        """Wait until a moment anywhere in the download, every other time in its transfer."""
        if self._moments.random() < 0.5:
            process.join(self._moments.uniform(0, self._duration_s))
            return
        while process.is_alive() and not self._hub.counters.weight_bytes:
            time.sleep(0.01)
        process.join(self._moments.uniform(0, FILE_BYTES / SLOW_BYTES_PER_S))

    def _start(self) -> ForkServerProcess:
        """Start a download from a hub that takes its time."""
        self._hub.play(Fault("slow", "/lfs/*", bytes_per_s=SLOW_BYTES_PER_S))
        self._hub.reset_counters()
        process = self._forks.Process(target=fetch_with_a_forked_worker, args=(self._run, self.plan))
        process.start()
        return process
