"""What links do on a file system, measured: copies, inodes, limits."""

import errno
import os
import time
from pathlib import Path
from typing import Any

_FICLONE = 0x40049409
"""ioctl_ficlone(2)."""
_PROBE_BYTES = 4 * 1024**2
_LOOKS, _LOOK_EVERY_S = 12, 0.25
_NAMES_TRIED, _LIMIT_S = 70_000, 30.0
"""ntfs-3g takes longer for each name than for the one before."""
IMAGE_FOLDER = "probe"
"""Holds, in the image: `single`, and `twin-a`, `twin-b`, which are one file."""


def fill_image(root: Path) -> None:
    """Make the files that `link_facts` links."""
    folder = root / IMAGE_FOLDER
    folder.mkdir()
    (folder / "single").write_bytes(os.urandom(_PROBE_BYTES))
    (folder / "twin-a").write_bytes(os.urandom(_PROBE_BYTES))
    try:
        os.link(folder / "twin-a", folder / "twin-b")
    except OSError:
        (folder / "twin-b").write_bytes(os.urandom(_PROBE_BYTES))


def link_facts(root: Path) -> dict[str, Any]:
    """Return what a hard link to a file of one name and of two names does, and whether reflinks work."""
    folder = root / IMAGE_FOLDER
    return {
        "reflinks": _reflink(folder),
        "one name": _link(folder / "single"),
        "two names": _link(folder / "twin-a", twin=folder / "twin-b"),
    }


def link_limit(root: Path) -> dict[str, int | None]:
    """Return how many names a file may have: None where tries or time were too few to tell, 1 without hard links."""
    folder, give_up_at = root / "limit", time.monotonic() + _LIMIT_S
    folder.mkdir()
    (folder / "0").touch()
    for number in range(1, _NAMES_TRIED):
        try:
            os.link(folder / "0", folder / str(number))
        except OSError as error:
            return {"names": number if error.errno == errno.EMLINK else 1, "tried": number}
        if time.monotonic() > give_up_at:
            break
    return {"names": None, "tried": number + 1}


def _link(path: Path, twin: Path | None = None) -> dict[str, Any]:
    before, used = path.stat(), used_bytes(path.parent)
    try:
        os.link(path, path.with_name(f"{path.name}-link"))
    except OSError as error:
        return {"refused": errno.errorcode.get(error.errno or 0, "")}
    after = path.stat()
    return {
        "grew_bytes": used_bytes(path.parent) - used,
        "same inode": after.st_ino == before.st_ino,
        "twin follows": twin is None or os.path.samestat(twin.stat(), after),
    }


def _reflink(folder: Path) -> bool:
    import fcntl  # not there on Windows, where this module is only collected

    with (folder / "single").open("rb") as source, (folder / "clone").open("wb") as target:
        try:
            fcntl.ioctl(target, _FICLONE, source.fileno())
        except OSError:
            return False
    return True


def used_bytes(folder: Path) -> int:
    """Return what the file system has given out, once it has settled: xfs gives back removed files a little later."""
    seen = [-1]
    while len(seen) < _LOOKS:
        os.sync()
        facts = os.statvfs(folder)
        seen.append((facts.f_blocks - facts.f_bfree) * facts.f_frsize)
        if seen[-1] == seen[-2]:
            break
        time.sleep(_LOOK_EVERY_S)
    return seen[-1]
