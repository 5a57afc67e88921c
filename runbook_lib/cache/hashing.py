"""Hashes of files, streamed: memory does not grow with the file, and nothing but a regular file is ever opened."""

import hashlib
import os
import stat
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_lib.cache.etags import is_sha256
from runbook_lib.system.progress import Passed

if TYPE_CHECKING:
    from hashlib import _Hash

_BUFFER_BYTES = 256 * 1024
"""One buffer a thread, reused. 128 to 512 KiB stay in a core's cache: measured with two threads on 1 GiB, 0.41 s, and
0.6 to 0.8 s with 1 to 4 MiB."""

_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""Opening a named pipe without O_NONBLOCK waits for a writer, for ever."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotARegularFile(OSError):
    """Something else than a file stands at the path; it was not read."""


def sha256_of(path: Path, passed: Passed | None = None) -> str:
    """Return the SHA-256 of the content: the Hub's etag of an LFS file."""
    with open_regular(path) as file:
        return _streamed(file, hashlib.sha256(usedforsecurity=False), passed)


def git_sha1_of(path: Path, passed: Passed | None = None) -> str:
    """Return git's blob id of the content: the Hub's etag of every other file.

    Git hashes a header `blob SIZE NUL` and then the content, so the size is taken first; a file that grows meanwhile
    gives a hash that matches nothing.
    """
    with open_regular(path) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        return _streamed(file, hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False), passed)


def etag_of(path: Path, like: str) -> str:
    """Return the Hub's name for the content: a SHA-256 where `like` is one, else git's blob id."""
    return sha256_of(path) if is_sha256(like) else git_sha1_of(path)


def md5_of(path: Path, passed: Passed | None = None) -> str:
    """Return the MD5 of the content: the only hash that easyocr knows of its models."""
    with open_regular(path) as file:
        return _streamed(file, hashlib.md5(usedforsecurity=False), passed)


def open_regular(path: Path) -> FileIO:
    """Open a file for reading, unbuffered; raises `NotARegularFile`, and never waits, for anything else."""
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        _require_regular(os.fstat(descriptor).st_mode, path)
        if hasattr(os, "posix_fadvise"):  # twice the read-ahead on Linux
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        return FileIO(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _require_regular(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        raise NotARegularFile(None, f"{kind_of(mode)} stands there", str(path))


def kind_of(mode: int) -> str:
    """Name what stands at a path, from its `st_mode`."""
    return _KINDS.get(stat.S_IFMT(mode), "a file" if stat.S_ISREG(mode) else "something that is not a file")


def _streamed(file: FileIO, digest: "_Hash", passed: Passed | None) -> str:
    buffer = bytearray(_BUFFER_BYTES)
    view = memoryview(buffer)
    while count := file.readinto(buffer):
        digest.update(view[:count])
        if passed is not None:
            passed(count)
    return digest.hexdigest()
