"""Whatever interrupts a download, running it again ends complete and intact."""

import errno
import multiprocessing
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import psutil
import pytest

from runbook_lib.adapters.hub_cache import repo_of
from runbook_lib.practice import Fault, PracticeHub
from runbook_lib.practice.repository import Commit
from runbook_lib.runs import OpenRun, open_run
from runbook_lib.settings import ModelRef
from runbook_lib.stages.configure_env import plan_environment
from runbook_lib.stages.download import apply_download, download, plan_download
from runbook_lib.stages.verify import verify
from tests.faults.conftest import Deny, MakeRepository, RunStages

MODES = ("symlink", "hardlink", "copy")
KILLS = 100
SHARES = 2
"""In how many tests the kills of a mode are done, so that they can run side by side."""
REPEATED = 0.5
"""How often the rerun of a killed download is killed as well, before one may run to its end."""
PROCESSES = 8
FILE_BYTES = 50_000
SLOW_BYTES_PER_S = 100_000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

Settings = dict[str, Any]


@pytest.fixture
def hub(make_repository: MakeRepository) -> Iterator[PracticeHub]:
    with PracticeHub(repositories=[make_repository(6, size_bytes=FILE_BYTES, changed=3)], head="first") as running:
        yield running


@pytest.fixture
def settings(hub: PracticeHub, tmp_path: Path) -> Settings:
    return {
        "hub": hub.url,
        "models": "acme/model",
        "cache_dir": str(tmp_path / "cache" / "hub"),
        "artifacts_dir": str(tmp_path / "artifacts"),
        "run_dir": str(tmp_path / "run"),
        "download_limit_s": 120.0,
        "probe_limit_s": 30.0,
    }


def holds(run: OpenRun, commit: Commit) -> bool:
    """Whether the snapshot of a commit is complete, byte for byte."""
    snapshot = repo_of(run.cache_dir, ModelRef("acme/model")).snapshot(commit.id)
    return all((snapshot / file.path).read_bytes() == b"".join(file.content.read()) for file in commit.files)


def statuses(records: dict[str, Any]) -> dict[str, str]:
    assert "error" not in records, records["error"]
    return {stage: record["status"] for stage, record in records.items()}


def the_failed_check(record: dict[str, Any]) -> dict[str, str]:
    failed: list[dict[str, str]] = [check for check in record["checks"] if check["status"] == "fail"]
    assert len(failed) == 1, failed
    return failed[0]


# ------------------------------------------------------------------------------------------------ killed processes


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
        while moments.random() < REPEATED:
            killer.kill_one()
        hub.play()
        facts, _changes = apply_download(run, killer.plan, killer.environment, time.monotonic() + 60)
        assert [model.problem for model in facts.models] == [""]
        assert verify(run).failed() == ()
        assert all(holds(run, commit) for commit in hub.repositories[0].commits)
    record_property("kills", f"{killer.killed}, {killer.in_transfer} of them in the transfer")
    assert killer.in_transfer >= KILLS // SHARES // 5, "the moments must not all lie before or after the transfer"


class Killer:
    """Kills downloads of the second revision at random moments."""

    def __init__(self, hub: PracticeHub, run: OpenRun, home: Path, moments: random.Random) -> None:
        self._hub, self._run, self._home, self._moments = hub, run, home, moments
        self.plan, self.environment = plan_download(run), plan_environment(run)
        self.killed = self.in_transfer = 0
        self._forks = multiprocessing.get_context("forkserver")
        self._forks.set_forkserver_preload(["runbook_lib.stages.download"])
        self._start().join()  # starts the fork server
        self.restore()
        started = time.monotonic()
        self._start().join()
        self._duration_s = time.monotonic() - started

    def restore(self) -> None:
        """Have the cache hold the first revision only."""
        for name in ("cache", "artifacts"):
            shutil.rmtree(self._home / name)
            shutil.copytree(self._home / "first" / name, self._home / name, symlinks=True)

    def kill_one(self) -> None:
        """Start a download and kill it, every other time with its worker; a worker left alone ends by itself."""
        process = self._start()
        self._let_go_on(process)
        with_worker, alive = self._moments.random() < 0.5, process.is_alive()
        workers = psutil.Process(process.pid).children(recursive=True) if with_worker and alive else []
        process.kill()
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
        arguments = (self._run, self.plan, self.environment, time.monotonic() + 60)
        process = self._forks.Process(target=apply_download, args=arguments)
        process.start()
        return process


@pytest.mark.parametrize("mode", MODES)
def test_eight_processes_on_one_cache_end_with_one_intact_copy(
    hub: PracticeHub, settings: Settings, run_stages: RunStages, tmp_path: Path, mode: str
) -> None:
    shared = {**settings, "links": mode}
    with ThreadPoolExecutor(PROCESSES) as pool:
        ends = [
            pool.submit(run_stages, {**shared, "run_dir": str(tmp_path / f"run-{number}")}, "download")
            for number in range(PROCESSES)
        ]
    assert [statuses(end.result()) for end in ends] == [{"download": "ok"}] * PROCESSES
    size_bytes = sum(file.size_bytes for file in hub.repositories[0].head.files if file.lfs)
    assert hub.counters.weight_bytes == size_bytes
    files = [
        path for path in Path(settings["cache_dir"]).rglob("*") if path.is_file() and path.stat().st_size == FILE_BYTES
    ]
    assert len({path.stat().st_ino for path in files}) * FILE_BYTES == size_bytes
    run = open_run(**shared)
    assert verify(run).failed() == ()
    assert holds(run, hub.repositories[0].head)


# ------------------------------------------------------------------------------------------- disks that do not obey


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A volume of 4 MB; `mount -o remount` may change it."""
    folder = tmp_path / "volume"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a volume cannot be mounted here, which takes root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(
    make_repository: MakeRepository, settings: Settings, small_disk: Path
) -> None:
    with PracticeHub(repositories=[make_repository(4, size_bytes=2_000_000)]) as hub:
        record = download(open_run(**{**settings, "hub": hub.url, "cache_dir": str(small_disk / "hub")}))
        assert hub.counters.weight_bytes == 0
    assert [check.id for check in record.failed()] == ["room-for-plan", "fetched-acme--model"]
    assert {check.quirk for check in record.failed()} == {"disk-full-cross-volume"}


def test_a_disk_that_fills_up_meanwhile_is_one_failed_check(
    hub: PracticeHub, settings: Settings, small_disk: Path
) -> None:
    run = open_run(**{**settings, "cache_dir": str(small_disk / "hub")})
    plan = plan_download(run)
    with (small_disk / "filler").open("wb") as filler, suppress(OSError):
        filler.write(bytes(3_950_000))
        filler.flush()
    check = the_failed_check(download(run, plan).model_dump(mode="json"))
    assert "No space left on device" in check["evidence"]
    assert "-p cache_dir PATH" in check["remedy"]
    assert check["quirk"] == "disk-full-cross-volume"
    (small_disk / "filler").unlink()
    assert download(run).failed() == ()
    assert verify(run).failed() == ()


def test_a_complete_cache_that_may_only_be_read_is_used(hub: PracticeHub, settings: Settings, small_disk: Path) -> None:
    run = open_run(**{**settings, "cache_dir": str(small_disk / "hub")})
    assert download(run).failed() == ()
    shutil.rmtree(run.artifacts_dir)
    remount_read_only(small_disk)
    hub.reset_counters()
    assert download(run).failed() == ()
    assert hub.counters.weight_bytes == 0
    assert verify(run).failed() == ()


def test_a_cache_that_may_only_be_read_and_lacks_a_model_is_one_failed_check(
    hub: PracticeHub, settings: Settings, small_disk: Path
) -> None:
    remount_read_only(small_disk)
    check = the_failed_check(
        download(open_run(**{**settings, "cache_dir": str(small_disk / "hub")})).model_dump(mode="json")
    )
    assert "Read-only file system" in check["evidence"]
    assert "-p cache_dir PATH" in check["remedy"]
    assert check["quirk"] == "cache-not-writable"


def remount_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


# ----------------------------------------------------------------------------------- file systems that cannot do all


def test_a_file_system_without_any_links_holds_every_revision_whole(
    hub: PracticeHub, settings: Settings, without_symlinks: Deny, run_stages: RunStages
) -> None:
    def like_fat(command: list[str]) -> list[str]:
        return without_symlinks(command, errno.EPERM, "symlink,link")

    first = run_stages(settings, "configure_env", "download", "verify", wrap=like_fat)
    assert (statuses(first), first["configure_env"]["facts"]["links"]) == (dict.fromkeys(first, "ok"), "copy")
    hub.move_head("second")
    assert statuses(run_stages(settings, "download", "verify", wrap=like_fat)) == {"download": "ok", "verify": "ok"}
    assert all(holds(open_run(**settings), commit) for commit in hub.repositories[0].commits)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_locks_that_do_not_work_end_in_success_or_in_one_failed_check(
    settings: Settings, without_symlinks: Deny, run_stages: RunStages, number: int
) -> None:
    def like_nfs(command: list[str]) -> list[str]:
        return without_symlinks(command, number, "flock")

    record = run_stages(settings, "download", wrap=like_nfs)["download"]
    if number == errno.ENOSYS:
        assert record["status"] == "ok"
    else:
        check = the_failed_check(record)
        assert f"[Errno {number}]" in check["evidence"]
        assert "local disk" in check["remedy"]
        assert check["quirk"] == "lock-network-fs"
    assert statuses(run_stages(settings, "download", "verify")) == {"download": "ok", "verify": "ok"}
