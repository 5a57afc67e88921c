"""Reflinks: files that share their blocks on disk until one of them is written to.

btrfs, xfs (made with reflink=1, the default since xfsprogs 5.1), bcachefs and others on Linux. A write to one file
leaves the other as it is, which no hard link does; and disk space is counted by block, which `stat` does not tell.
"""

import errno
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_FICLONE: Final = 0x40049409
"""`_IOW(0x94, 9, int)` of linux/fs.h: clone the file behind a descriptor into this one."""

_FS_IOC_FIEMAP: Final = 0xC020660B
"""`_IOWR('f', 11, struct fiemap)` of linux/fs.h; Documentation/filesystems/fiemap.rst."""
_FIEMAP_HEADER: Final = struct.Struct("=QQLLLL")
_FIEMAP_EXTENT: Final = struct.Struct("=QQQQQLLLL")
_FLAG_SYNC: Final = 0x1
_EXTENT_LAST: Final = 0x1
_EXTENT_SHARED: Final = 0x2000
_EXTENTS_ASKED: Final = 512
_WHOLE_FILE: Final = 2**64 - 1

Blocks = tuple[tuple[int, int], ...]
"""Where a file's content stands on its volume: physical offset and length of each extent."""


def clone(source: Path, target: Path) -> None:
    """Make `target`, which must not exist, share the blocks of `source`; its time is that of the call.

    Raises `OSError` and leaves nothing where the volume has no reflinks, or the two stand on different ones.
    """
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, "reflinks are made on Linux only", str(target))
    import fcntl

    with source.open("rb") as original, target.open("xb") as twin:
        try:
            fcntl.ioctl(twin.fileno(), _FICLONE, original.fileno())
        except BaseException:
            twin.close()
            target.unlink()
            raise


def shared_blocks(path: Path) -> Blocks:
    """Return the blocks of a file when all of them are shared with another file; empty when not, or not told.

    Two files that return the same are one on disk.
    """
    if sys.platform != "linux":
        return ()
    with suppress(OSError), path.open("rb") as file:
        return _shared_extents(file.fileno())
    return ()


def _shared_extents(descriptor: int) -> Blocks:
    import fcntl

    asked = _FIEMAP_HEADER.pack(0, _WHOLE_FILE, _FLAG_SYNC, 0, _EXTENTS_ASKED, 0)
    answer = bytearray(asked.ljust(_FIEMAP_HEADER.size + _EXTENTS_ASKED * _FIEMAP_EXTENT.size, b"\0"))
    fcntl.ioctl(descriptor, _FS_IOC_FIEMAP, answer)
    count = _FIEMAP_HEADER.unpack_from(answer)[3]
    extents = [_FIEMAP_EXTENT.unpack_from(answer, _FIEMAP_HEADER.size + n * _FIEMAP_EXTENT.size) for n in range(count)]
    flags = [extent[5] for extent in extents]
    if not flags or not flags[-1] & _EXTENT_LAST or not all(flag & _EXTENT_SHARED for flag in flags):
        return ()
    device = os.fstat(descriptor).st_dev
    return ((device, 0), *((extent[1], extent[2]) for extent in extents))
