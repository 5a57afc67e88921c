"""What folders take on disk, counted by inode: a hard link costs nothing, a symlink next to nothing."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_STAT_BY_PATH = os.name == "nt"
"""On Windows `DirEntry.stat` leaves the inode at zero (Python documentation)."""

_BLOCK_BYTES = 512
"""Unit of `st_blocks`, whatever the file system's own block size (POSIX stat)."""


@dataclass
class DiskUsage:
    """Files seen so far, each inode once."""

    file_count: int = 0
    logical_bytes: int = 0
    """Sum of the lengths of all names, as `ls` would add them up."""
    allocated_by_inode: dict[tuple[int, int], int] = field(default_factory=dict)

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
        for facts in _walk(str(folder)):
            count += 1
            size_bytes += facts.st_size
            by_inode[facts.st_dev, facts.st_ino] = allocated(facts)
        self.file_count += count
        self.logical_bytes += size_bytes
        return self


def allocated(facts: os.stat_result) -> int:
    """Return the bytes a file takes on disk; its length where the system does not tell (Windows)."""
    blocks = getattr(facts, "st_blocks", None)
    return facts.st_size if blocks is None else blocks * _BLOCK_BYTES


def _walk(folder: str) -> Iterator[os.stat_result]:
    """Yield the stat of every file; what vanishes or may not be read meanwhile is passed over."""
    pending = [folder]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif _STAT_BY_PATH:
                        yield os.stat(entry.path, follow_symlinks=False)  # noqa: PTH116 - of a DirEntry
                    else:
                        yield entry.stat(follow_symlinks=False)
                except OSError:
                    continue
