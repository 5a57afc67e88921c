"""Whatever a download shares its cache with, and whatever the disk refuses, nothing is lost."""

import errno
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.opening import open_run
from runbook_lib.stages.download.plan import plan_download
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.stage import verify
from tests.faults.conftest import FILE_BYTES, Deny, MakeRepository, RunStages, Settings, holds

MODES = ("symlink", "hardlink", "copy")
PROCESSES = 8

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def statuses(records: dict[str, Any]) -> dict[str, str]:
    assert "error" not in records, records["error"]
    return {stage: record["status"] for stage, record in records.items()}


def the_failed_check(record: dict[str, Any]) -> dict[str, str]:
    failed: list[dict[str, str]] = [check for check in record["checks"] if check["status"] == "fail"]
    assert len(failed) == 1, failed
    return failed[0]


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
