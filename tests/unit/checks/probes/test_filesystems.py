"""Volumes from made mount tables; renames and locks for real."""

import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from filelock import FileLock

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.filesystems import (
    PROBES,
    judge_locks,
    judge_renames,
    judge_volume,
    judge_xet_volume,
    other_process_takes,
)
from runbook_lib.run.check import Status
from runbook_lib.system.mounts import Mount, mount_of, parse_mounts, read_mounts

MakeContext = Callable[..., ProbeContext]
BY_ID = {probe.id: probe for probe in PROBES}

MOUNTS = r"""
overlay / overlay rw,relatime,lowerdir=/l 0 0
tmpfs /dev/shm tmpfs rw,nosuid 0 0
C:\134 /mnt/c 9p rw,dirsync 0 0
server:/export /nfs nfs4 rw,vers=4.2 0 0
/dev/sdb1 /media/my\040stick exfat ro 0 0
/dev/sda2 /nfs/local ext4 rw 0 0
broken line
"""


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("/srv/cache", "overlay"),
        ("/dev/shm/hub", "tmpfs"),
        ("/mnt/c/Users/me/hub", "9p"),
        ("/mnt/cache", "overlay"),
        ("/nfs/hub", "nfs4"),
        ("/nfs/local/hub", "ext4"),
        ("/media/my stick/hub", "exfat"),
    ],
)
def test_the_longest_mount_point_above_a_path_wins(path: str, type_: str) -> None:
    mount = mount_of(PurePosixPath(path), parse_mounts(MOUNTS))
    assert mount is not None
    assert mount.type == type_


def test_a_later_mount_covers_an_earlier_one_at_the_same_point() -> None:
    mounts = parse_mounts("a /data ext4 rw 0 0\nb /data nfs rw 0 0\n")
    assert mount_of(PurePosixPath("/data/hub"), mounts) == Mount("b", "/data", "nfs", ("rw",))


def test_the_volume_of_a_real_folder_is_found(tmp_path: Path) -> None:
    assert mount_of(tmp_path.resolve(), read_mounts()) is not None


@pytest.mark.parametrize(
    ("type_", "kind", "system", "status", "quirk"),
    [
        ("ext4", "", "Linux", Status.OK, ""),
        ("apfs", "", "Darwin", Status.OK, ""),
        ("NTFS", "fixed", "Windows", Status.OK, ""),
        ("overlay", "", "Linux", Status.OK, ""),
        ("tmpfs", "", "Linux", Status.OK, ""),
        ("exfat", "", "Linux", Status.WARN, ""),
        ("FAT32", "removable", "Windows", Status.WARN, ""),
        ("9p", "", "Linux", Status.WARN, ""),
        ("drvfs", "", "Linux", Status.WARN, ""),
        ("nfs4", "", "Linux", Status.WARN, "lock-network-fs"),
        ("cifs", "", "Linux", Status.WARN, "lock-network-fs"),
        ("NTFS", "network", "Windows", Status.WARN, "nas-cross-os-1463"),
    ],
)
def test_a_volume_is_judged_by_its_type_and_kind(
    type_: str, kind: str, system: str, status: Status, quirk: str
) -> None:
    verdict = judge_volume(Mount("source", "/point", type_), kind, system)
    assert (verdict.status, verdict.quirk) == (status, quirk)


def test_a_unc_path_without_a_mount_is_a_network_share() -> None:
    assert judge_volume(None, "network", "Windows").quirk == "nas-cross-os-1463"


def test_fresh_files_can_be_renamed_here_and_nothing_is_left(context: MakeContext, tmp_path: Path) -> None:
    made = context()
    made.cache_dir.mkdir()
    check = BY_ID["open-file-rename"].check(made)
    assert check.status is Status.OK
    assert "replacing a file that is open" in check.evidence
    assert list(made.cache_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("refused", "slowest_s", "status"),
    [("", 0.01, Status.OK), ("WinError 5", 0.0, Status.WARN), ("", 3.0, Status.WARN)],
)
def test_a_refused_or_slow_rename_points_to_the_virus_scan(refused: str, slowest_s: float, status: Status) -> None:
    verdict = judge_renames(refused, slowest_s, "refused, WinError 5")
    assert verdict.status is status
    assert ("virus scan" in verdict.remedy) == (status is Status.WARN)


def test_a_second_process_is_kept_out_here(context: MakeContext) -> None:
    check = BY_ID["file-locks"].check(context())
    assert (check.status, check.evidence) == (Status.OK, "a second process was kept out")


def test_the_second_process_takes_a_lock_that_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    assert other_process_takes(path)
    with FileLock(path, timeout=0):
        assert not other_process_takes(path)


@pytest.mark.parametrize(
    ("kind", "other", "error", "status"),
    [
        ("UnixFileLock", False, "", Status.OK),
        ("UnixFileLock", True, "", Status.WARN),
        ("SoftFileLock", False, "", Status.WARN),
        ("", False, "errno 37: No locks available", Status.FAIL),
    ],
)
def test_locks_are_judged_by_what_they_kept_out(kind: str, other: bool, error: str, status: Status) -> None:
    assert judge_locks(kind, other_took_it=other, error=error).status is status


@pytest.mark.skipif(sys.platform == "win32", reason="chmod makes no folder read-only there")
def test_a_cache_that_cannot_be_written_is_skipped_here(context: MakeContext, tmp_path: Path) -> None:
    made = context(cache_dir=Path("/proc/self/hub"))
    assert {BY_ID[name].check(made).status for name in ("open-file-rename", "file-locks")} == {Status.SKIP}


def test_xet_on_the_same_volume_or_switched_off_is_fine(tmp_path: Path) -> None:
    beside = {"HF_XET_CACHE": str(tmp_path / "xet")}
    assert "on the volume of the cache" in judge_xet_volume(beside, tmp_path / "hub").evidence
    assert "off" in judge_xet_volume({"HF_HUB_DISABLE_XET": "1"}, tmp_path).evidence


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/shm is a volume of its own on Linux")
def test_xet_on_another_volume_is_said(tmp_path: Path) -> None:
    verdict = judge_xet_volume({"HF_XET_CACHE": "/dev/shm/xet"}, tmp_path)
    assert "on another volume" in verdict.evidence
