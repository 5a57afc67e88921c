"""Limits that a user meets before those of the hardware: control groups, quotas, the commit limit of Windows."""

import ctypes
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_GROUP_ROOT: Final = Path("/sys/fs/cgroup")
_UNLIMITED_BYTES: Final = 1 << 60
"""Control groups of version 1 say a number near 2**63 where there is no limit."""


def memory_limit_bytes(own: Path = Path("/proc/self/cgroup"), root: Path = _GROUP_ROOT) -> int | None:
    """Return the smallest memory limit of this process's control groups; None where there is none."""
    try:
        entries = [line.split(":", 2) for line in own.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return None
    found: list[int] = []
    for entry in entries:
        if len(entry) == 3 and (not entry[1] or "memory" in entry[1].split(",")):  # noqa: PLR2004 - id, controllers, path
            base, name = (root, "memory.max") if not entry[1] else (root / "memory", "memory.limit_in_bytes")
            inner = base / entry[2].lstrip("/")
            places = [inner, *(one for one in inner.parents if one == base or base in one.parents)]
            found += [limit for place in (*places, base) if (limit := _limit_in(place / name)) is not None]
    return min(found, default=None)


def _limit_in(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdigit() and int(text) < _UNLIMITED_BYTES else None


@dataclass(frozen=True)
class Quota:
    """What a user may still store on a file system."""

    limit_bytes: int
    used_bytes: int


_GET_USER_QUOTA: Final = 0x800007 << 8
_BLOCK_BYTES: Final = 1024
_DQBLK: Final = struct.Struct("=8QI4x")
"""struct if_dqblk of linux/quota.h: hard and soft limit in blocks of 1024 bytes, used bytes, then inodes and times."""


def user_quota(path: Path) -> Quota | None:
    """Return the quota of this user where `path` is; None without one, and on other systems than Linux."""
    if sys.platform != "linux":
        return None
    device = _device_of(path)
    if not device:
        return None
    answer = ctypes.create_string_buffer(_DQBLK.size)
    library = ctypes.CDLL(None, use_errno=True)
    if library.quotactl(ctypes.c_int(_GET_USER_QUOTA), os.fsencode(device), os.getuid(), answer) != 0:
        return None
    hard, soft, used_bytes, *_ = _DQBLK.unpack(answer.raw)
    limit = min((one for one in (hard, soft) if one), default=0)
    return Quota(limit * _BLOCK_BYTES, used_bytes) if limit else None


def _device_of(path: Path) -> str:
    there = next((one for one in (path, *path.parents) if one.exists()), Path("/"))
    target = os.stat(there).st_dev  # noqa: PTH116 - beside the other calls of os
    for part in psutil.disk_partitions(all=True):
        try:
            if part.device.startswith("/") and os.stat(part.mountpoint).st_dev == target:  # noqa: PTH116 - as above
                return part.device
        except OSError:
            continue
    return ""


def commit_limit_bytes() -> tuple[int, int] | None:
    """Return the commit limit of Windows and how much of it is taken; None elsewhere.

    Memory and page files together: WinError 1455 when it is used up, however much memory is free.
    """
    if sys.platform != "win32":
        return None
    status = _MemoryStatus()
    status.length = ctypes.sizeof(status)
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return status.total_page_file, status.total_page_file - status.avail_page_file


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of winbase.h."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("memory_load", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in ("total_phys", "avail_phys", "total_page_file", "avail_page_file")),
        *((name, ctypes.c_uint64) for name in ("total_virtual", "avail_virtual", "avail_extended_virtual")),
    )
