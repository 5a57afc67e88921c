"""What folders take on disk, counted by inode and reflink: neither costs anything, a symlink next to nothing."""

import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.cache.reflinks import shared_blocks
from runbook_lib.cache.walk import walk

FileId = tuple[int, int]
"""Device and inode: what all names of one file have in common."""

_WORTH_ASKING_BYTES = 1_000_000
"""Smaller files are never shared by reflink: only weights are."""
_BLOCK_BYTES = 512
"""Unit of `st_blocks`, whatever the file system's own block size (POSIX stat)."""


@dataclass
class DiskUsage:
    """Files seen so far, each inode once."""

    file_count: int = 0
    logical_bytes: int = 0
    """Sum of the lengths of all names, as `ls` would add them up."""
    allocated_by_inode: dict[FileId, int] = field(default_factory=dict)

    @property
    def allocated_bytes(self) -> int:
        """What the files take on disk."""
        return sum(self.allocated_by_inode.values())

    def shared_with(self, other: "DiskUsage") -> int:
        """Return the bytes on disk that both hold, because they are the same inodes."""
        return sum(
            self.allocated_by_inode[inode] for inode in self.allocated_by_inode.keys() & other.allocated_by_inode
        )

    def add_tree(self, folder: Path) -> "DiskUsage":
        """Add every file below the folder, symlinks as links; a folder that does not exist adds nothing."""
        by_inode, count, size_bytes = self.allocated_by_inode, 0, 0
        for name, st in walk(folder):
            count += 1
            size_bytes += st.st_size
            by_inode[_id_on_disk(folder, name, st)] = allocated(st)
        self.file_count += count
        self.logical_bytes += size_bytes
        return self


def _id_on_disk(folder: Path, name: str, st: os.stat_result) -> FileId:
    """Return what a file has in common with all names of it and, where all its blocks are shared, with its reflinks."""
    if st.st_size >= _WORTH_ASKING_BYTES and stat.S_ISREG(st.st_mode) and (blocks := shared_blocks(folder / name)):
        return st.st_dev, -1 - abs(hash(blocks))
    return st.st_dev, st.st_ino


def allocated(st: os.stat_result) -> int:
    """Return the bytes a file takes on disk; its length where the system does not tell (Windows)."""
    blocks = getattr(st, "st_blocks", None)
    return st.st_size if blocks is None else blocks * _BLOCK_BYTES


def freed_bytes(going: Iterable[os.stat_result]) -> int:
    """Return what the disk gets back when these names go, by the `lstat` of each: a file with names elsewhere stays."""
    names: Counter[FileId] = Counter()
    files: dict[FileId, os.stat_result] = {}
    for st in going:
        if stat.S_ISREG(st.st_mode):
            names[st.st_dev, st.st_ino] += 1
            files[st.st_dev, st.st_ino] = st
    return sum(allocated(st) for file_id, st in files.items() if names[file_id] >= st.st_nlink)
