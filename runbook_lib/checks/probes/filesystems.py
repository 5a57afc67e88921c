"""What the volume of the cache is, and what it does: rename, lock, hold two volumes' worth of data."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.checks.probes.variables import hub_home
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.errors import RunbookError
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.check import Verdict, fail, ok, skip, warn
from runbook_lib.system.filesystem import describe_os_error, free_bytes, nearest_existing
from runbook_lib.system.mounts import Mount, mount_of, read_mounts
from runbook_lib.system.variables import is_true
from runbook_lib.system.windows import drive_kind

_FAT = frozenset({"vfat", "fat", "fat32", "exfat", "msdos"})
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "lustre", "gpfs", "ceph", "glusterfs", "fuse.sshfs", "afs"}
)
_HOST_FOLDERS = frozenset({"9p", "drvfs", "virtiofs", "fuseblk", "fakeowner", "vboxsf", "prl_fs"})
"""A folder of the host seen from WSL, Docker Desktop or a virtual machine, or NTFS under Linux."""
_LAYERED = frozenset({"overlay", "aufs", "fuse.fuse-overlayfs"})
_LOCAL_REMEDY = "Put the cache on a local volume: -p cache_dir PATH, in a container a named volume."

_NOT_WRITABLE = "the cache cannot be written; see check cache-writable"
_RENAMES = 3
_RENAME_BYTES = 1_000_000
_SLOW_RENAME_S = 1.0
_XET_BYTES = 2_000_000_000

_TAKE_LOCK = """
import sys
with open(sys.argv[1], "r+") as file:
    try:
        if sys.platform == "win32":
            import msvcrt
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(3)
"""
"""What filelock 3 and 4 do for a lock, in a process that needs no packages."""
_REFUSED: Final = 3


def _volume(context: ProbeContext) -> Verdict:
    folder = nearest_existing(context.cache_dir)
    return judge_volume(mount_of(folder.resolve(), read_mounts()), drive_kind(folder), context.system)


def judge_volume(mount: Mount | None, kind: str, system: str) -> Verdict:
    """Say what the type of a volume means for a cache: no links, no files above 4 GiB, no reliable locks."""
    type_ = mount.type.lower() if mount else ""
    seen = f"{mount.type} at {mount.point}" if mount else "the system does not tell the type"
    if type_ in _NETWORK or kind == "network":
        quirk = "nas-cross-os-1463" if system == "Windows" else "lock-network-fs"
        return warn(f"{seen}, a network share", _LOCAL_REMEDY, fixed_by=FixedBy.CONFIGURE_ENV, quirk=quirk)
    if type_ in _FAT:
        seen += ", which knows no links and, but for exFAT, no file above 4 GiB"
        return warn(seen, _LOCAL_REMEDY, fixed_by=FixedBy.CONFIGURE_ENV)
    if type_ in _HOST_FOLDERS:
        return warn(
            f"{seen}, a folder of another system: links and rights may fail",
            _LOCAL_REMEDY,
            fixed_by=FixedBy.CONFIGURE_ENV,
        )
    if type_ in _LAYERED:
        seen += ", a container's own layer: what is downloaded here ends with the container"
        return ok(f"{seen}, and a hard link to a file of the image copies it up first")
    return ok(seen)


def _renames(context: ProbeContext) -> Verdict:
    with _probe_folder(context.cache_dir) as folder:
        if folder is None:
            return skip(_NOT_WRITABLE)
        try:
            slowest_s = max(_rename_fresh(folder, number) for number in range(_RENAMES))
        except OSError as error:
            return judge_renames(describe_os_error(error), 0.0, "not tried")
        return judge_renames("", slowest_s, _replace_open(folder))


@contextmanager
def _probe_folder(cache_dir: Path) -> Iterator[Path | None]:
    """Make a folder beside the cache's own content and remove it again; None where nothing can be written."""
    try:
        made = tempfile.TemporaryDirectory(
            dir=nearest_existing(cache_dir), prefix=".runbook-probe-", ignore_cleanup_errors=True
        )
    except OSError:
        yield None
        return
    with made as name:
        yield Path(name)


def _rename_fresh(folder: Path, number: int) -> float:
    """Write a file that looks like weights and rename it at once, as a download does; return what that took."""
    fresh = folder / f"{number}.incomplete"
    fresh.write_bytes(bytes(_RENAME_BYTES))
    started = time.perf_counter()
    fresh.replace(folder / f"{number}.safetensors")
    return time.perf_counter() - started


def _replace_open(folder: Path) -> str:
    target, fresh = folder / "open", folder / "new"
    target.write_bytes(b"old")
    fresh.write_bytes(b"new")
    with target.open("rb"):
        try:
            fresh.replace(target)
        except OSError as error:
            return f"refused, {describe_os_error(error)}"
    return "works"


def judge_renames(refused: str, slowest_s: float, over_open: str) -> Verdict:
    """Say whether something holds fresh files open. Replacing an open file is refused by Windows itself: no fault."""
    if refused:
        return warn(
            f"renaming a fresh file was refused: {refused}",
            "Something opens files as they appear: ask for the cache to be left out of the virus scan and the index.",
        )
    seen = f"slowest rename {format_seconds(slowest_s)}; replacing a file that is open: {over_open}"
    if slowest_s > _SLOW_RENAME_S:
        return warn(seen, "Ask for the cache to be left out of the virus scan; let one process download at a time.")
    return ok(seen)


def _locks(context: ProbeContext) -> Verdict:
    from filelock import FileLock, Timeout

    with _probe_folder(context.cache_dir) as folder:
        if folder is None:
            return skip(_NOT_WRITABLE)
        path = folder / "lock"
        try:
            with FileLock(path, timeout=0) as lock:
                return judge_locks(type(lock).__name__, other_took_it=other_process_takes(path), error="")
        except Timeout:
            return judge_locks(
                "", other_took_it=False, error="a file that was just made counts as held by another process"
            )
        except (OSError, NotImplementedError) as error:
            seen = describe_os_error(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            return judge_locks("", other_took_it=False, error=seen)


def other_process_takes(path: Path) -> bool:
    """Whether another process gets the lock on this file; does not wait for it."""
    command = [sys.executable, "-I", "-S", "-c", _TAKE_LOCK, str(path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30)
    if done.returncode not in (0, _REFUSED):
        raise RunbookError(f"The second process ended with code {done.returncode}.")
    return done.returncode == 0


def judge_locks(kind: str, *, other_took_it: bool, error: str) -> Verdict:
    """Say whether a lock that one process holds keeps another one out."""
    if error:
        return fail(f"a lock cannot be taken: {error}", _LOCAL_REMEDY, fixed_by=FixedBy.CONFIGURE_ENV)
    if kind.startswith("Soft"):
        return warn(f"no flock here: filelock falls back to {kind}", _LOCAL_REMEDY, fixed_by=FixedBy.CONFIGURE_ENV)
    if other_took_it:
        seen = "two processes held one lock at the same time: downloads can damage each other"
        return warn(seen, _LOCAL_REMEDY, fixed_by=FixedBy.CONFIGURE_ENV)
    return ok("a second process was kept out")


def _xet_volume(context: ProbeContext) -> Verdict:
    return judge_xet_volume(context.environ, context.cache_dir)


def judge_xet_volume(environ: Mapping[str, str], cache_dir: Path) -> Verdict:
    """Say whether Xet keeps its data on another volume than the cache, and whether that one is full."""
    if is_true(environ.get("HF_HUB_DISABLE_XET", "")):
        return ok("Xet is off")
    xet = Path(environ.get("HF_XET_CACHE") or hub_home(environ) / "xet")
    with suppress(OSError):
        if nearest_existing(xet).stat().st_dev == nearest_existing(cache_dir).stat().st_dev:
            return ok(f"{xet} is on the volume of the cache")
    free = free_bytes(xet)
    seen = f"{xet} is on another volume than the cache, with {format_bytes(free)} free"
    if free >= _XET_BYTES:
        return ok(seen)
    return warn(
        seen, "Set HF_HOME instead of HF_HUB_CACHE: it moves the data of Xet, too.", fixed_by=FixedBy.CONFIGURE_ENV
    )


PROBES = (
    Probe("cache-filesystem", "the cache is on a volume made for it", "fs-without-symlinks", _volume),
    Probe("open-file-rename", "a fresh file can be renamed", "win-file-in-use", _renames),
    Probe("file-locks", "locks keep a second process out", "lock-network-fs", _locks, limit_s=6.0),
    Probe("xet-volume", "the data of Xet has room", "disk-full-cross-volume", _xet_volume),
)
