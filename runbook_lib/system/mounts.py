"""Which mounted volume a path is on, and how it was mounted."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """A mounted volume."""

    source: str
    point: str
    type: str
    options: tuple[str, ...] = ()


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """Read lines of `/proc/self/mounts`: source, point, type, options; blanks stand as octal escapes (proc(5))."""
    mounts = []
    for line in text.splitlines():
        fields = [_ESCAPE.sub(lambda found: chr(int(found.group(1), 8)), field) for field in line.split(" ")]
        if len(fields) >= 4:  # noqa: PLR2004 - the fields named above
            mounts.append(Mount(fields[0], fields[1], fields[2], tuple(fields[3].split(","))))
    return tuple(mounts)


def mount_of(path: PurePath, mounts: Sequence[Mount]) -> Mount | None:
    """Return the mount with the longest point above the path, of equals the last: it covers the others."""
    above = [mount for mount in mounts if path.is_relative_to(mount.point)]
    return max(reversed(above), key=lambda mount: len(PurePath(mount.point).parts), default=None)


def read_mounts() -> tuple[Mount, ...]:
    """Return what is mounted here."""
    if sys.platform == "linux":
        return parse_mounts(Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape"))
    import psutil

    return tuple(
        Mount(partition.device, partition.mountpoint, partition.fstype, tuple(partition.opts.split(",")))
        for partition in psutil.disk_partitions(all=True)
    )
