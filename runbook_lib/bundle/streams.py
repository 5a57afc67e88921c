"""Contents on their way: read once, hashed as they pass, in memory that does not grow with them."""

import hashlib
from typing import Final, Protocol

from runbook_lib.system.progress import Passed

BUFFER_BYTES: Final = 512 * 1024


class Readable(Protocol):
    """Something that fills a buffer."""

    def readinto(self, buffer: bytearray, /) -> int | None:
        """Fill the buffer as far as it goes; zero at the end."""


class Writable(Protocol):
    """Something that takes bytes."""

    def write(self, content: memoryview, /) -> int | None:
        """Take bytes."""


class Hashing:
    """A readable that hashes what is read from it; `read` is what tarfile asks for."""

    def __init__(self, source: Readable, passed: Passed = lambda _count: None) -> None:
        self._source, self._passed = source, passed
        self._sha256 = hashlib.sha256(usedforsecurity=False)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        buffer = bytearray(size)
        count = self._source.readinto(buffer) or 0
        content = memoryview(buffer)[:count]
        self._sha256.update(content)
        self._passed(count)
        return bytes(content) if count < size else bytes(buffer)

    @property
    def sha256(self) -> str:
        """The hash of all that has passed."""
        return self._sha256.hexdigest()


def copy_hashed(
    source: Readable, target: Writable | None, limit_bytes: int, passed: Passed = lambda _count: None
) -> tuple[int, str]:
    """Copy all of a source, hash it, and stop a byte behind the limit; returns length and SHA-256."""
    digest, buffer, size_bytes = hashlib.sha256(usedforsecurity=False), bytearray(BUFFER_BYTES), 0
    while size_bytes <= limit_bytes and (count := source.readinto(buffer) or 0):
        piece = memoryview(buffer)[:count]
        digest.update(piece)
        if target is not None:
            target.write(piece)
        size_bytes += count
        passed(count)
    return size_bytes, digest.hexdigest()
