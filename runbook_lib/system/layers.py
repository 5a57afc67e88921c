"""Which layer of a container's file system holds a file.

In a container the image's files stand in lower layers that nobody can change; what is written goes to an upper one. A
hard link to a lower file first copies it up, whole (Linux, Documentation/filesystems/overlayfs.rst): the upper layer
grows by the file, the lower one keeps it, and with `index=off`, the default, a file of several names comes out as a new
inode under one of them.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Final

from runbook_lib.system.filesystem import free_bytes, nearest_existing
from runbook_lib.system.mounts import mount_of, read_mounts

_OVERLAY: Final = "overlay"
_UNTOLD: Final = frozenset({"fuse.fuse-overlayfs", "fuse.unionfs", "fuse.unionfs-fuse", "fuse.mergerfs", "aufs"})
"""Layered too, but nothing tells the layer of a file."""

_AT_FDCWD: Final = -100
_AT_HANDLE_FID: Final = 0x200
"""Ask for an identification only, which Linux 6.6 and later give for every overlay (fanotify's flag, fcntl.h)."""
_MAX_HANDLE_BYTES: Final = 128
_OVERLAY_HANDLE: Final = 0xF8
"""OVL_FILEID_V1 of Linux's fs/overlayfs/overlayfs.h: three bytes of padding, version, magic, length, flags, ..."""
_MAGIC: Final = 0xFB
_MAGIC_AT, _FLAGS_AT = 4, 6
_PATH_UPPER: Final = 0x04


class Layer(StrEnum):
    """Where a file stands."""

    OWN = "own"
    """On a plain file system, or in the upper layer: it was written here."""
    LOWER = "lower"
    """From a lower layer; perhaps copied up since."""
    UNTOLD = "untold"
    """In a layered file system that does not tell."""


@dataclass(frozen=True)
class Layers:
    """The layers below a folder; files are asked about one by one, the mounts are read once."""

    folder: Path

    @cached_property
    def type(self) -> str:
        """The type of the file system the folder, or its nearest parent, stands on."""
        if sys.platform != "linux":
            return ""
        mount = mount_of(nearest_existing(self.folder).resolve(), read_mounts())
        return mount.type if mount else ""

    @property
    def exist(self) -> bool:
        """Whether the file system has layers at all."""
        return self.type == _OVERLAY or self.type in _UNTOLD

    def of(self, path: Path) -> Layer:
        """Return the layer of a file; links are not followed."""
        if self.type in _UNTOLD:
            return Layer.UNTOLD
        return _told_by_handle(path) if self.type == _OVERLAY else Layer.OWN

    def is_own(self, path: Path) -> bool:
        """Whether a file certainly stands where linking and removing it cost and free what they seem to."""
        return self.of(path) is Layer.OWN


def _told_by_handle(path: Path) -> Layer:
    """Ask overlayfs for the file's handle, which says whether it identifies a file of the upper layer."""
    handle = ctypes.create_string_buffer(struct.calcsize("Ii") + _MAX_HANDLE_BYTES)
    struct.pack_into("I", handle, 0, _MAX_HANDLE_BYTES)
    try:
        ask = ctypes.CDLL(None).name_to_handle_at
    except AttributeError:
        return Layer.UNTOLD
    if ask(_AT_FDCWD, os.fsencode(path), handle, ctypes.byref(ctypes.c_int()), _AT_HANDLE_FID):
        return Layer.UNTOLD  # an older Linux, or a container that forbids the call
    _length, kind = struct.unpack_from("Ii", handle)
    told = handle.raw[struct.calcsize("Ii") :]
    if kind != _OVERLAY_HANDLE or told[_MAGIC_AT] != _MAGIC:
        return Layer.UNTOLD
    return Layer.OWN if told[_FLAGS_AT] & _PATH_UPPER else Layer.LOWER


@dataclass
class CopyUps:
    """Adds up what the upper layer took because files of lower layers got another name."""

    layers: Layers
    size_bytes: int = 0

    @contextmanager
    def counted(self, path: Path) -> Iterator[None]:
        """Count a file of a lower layer when the block makes the free space shrink by it.

        Nothing else tells: reflinks (xfs, btrfs) and `metacopy=on` copy a file up without its content.
        """
        if self.layers.is_own(path):
            yield
            return
        size_bytes, before = path.stat().st_size, free_bytes(path)
        yield
        if before - free_bytes(path) > size_bytes / 2:
            self.size_bytes += size_bytes
