"""Bytes that are served without being held: small files in memory, padding made on the way, hashes as they stream."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Bytes:
    """A segment held in memory; for configuration files and headers."""

    data: bytes

    @property
    def size_bytes(self) -> int:
        """Length of the segment."""
        return len(self.data)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop`."""
        yield self.data[start:stop]


@dataclass(frozen=True)
class Padding:
    """A segment of pseudo-random bytes, made while it is read; no two chunks or seeds give the same."""

    size_bytes: int
    seed: str = ""

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop` in chunks of at most `CHUNK_BYTES`."""
        while start < stop:
            index, offset = divmod(start, CHUNK_BYTES)
            length = min(CHUNK_BYTES - offset, stop - start)
            yield _padding_chunk(self.seed, index)[offset : offset + length]
            start += length


Segment = Bytes | Padding


@dataclass(frozen=True)
class Content:
    """The bytes of one file, as segments laid end to end."""

    segments: tuple[Segment, ...]

    @classmethod
    def of_bytes(cls, data: bytes) -> "Content":
        """Return content held in memory."""
        return cls((Bytes(data),))

    @classmethod
    def of_padding(cls, size_bytes: int, seed: str = "") -> "Content":
        """Return pseudo-random content that is made while it is read."""
        return cls((Padding(size_bytes, seed),))

    @property
    def size_bytes(self) -> int:
        """Length of the whole."""
        return sum(segment.size_bytes for segment in self.segments)

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop` in bounded chunks."""
        stop = self.size_bytes if stop is None else min(stop, self.size_bytes)
        begin = 0
        for segment in self.segments:
            end = begin + segment.size_bytes
            if start < end and begin < stop:
                yield from segment.read(max(start, begin) - begin, min(stop, end) - begin)
            begin = end

    @property
    def sha256(self) -> str:
        """Hexadecimal sha256, computed once a process."""
        return _sha256(self)

    @property
    def git_oid(self) -> str:
        """Hexadecimal git blob id: sha1 over `blob <size>NUL` and the bytes, computed once a process."""
        return _git_blob_oid(self)


@lru_cache(maxsize=16)
def _padding_block(seed: str) -> bytes:
    return hashlib.shake_256(f"docling-runbook padding {seed}".encode()).digest(CHUNK_BYTES)


def _padding_chunk(seed: str, index: int) -> bytes:
    return index.to_bytes(8, "little") + _padding_block(seed)[8:]


@lru_cache(maxsize=256)
def _sha256(content: Content) -> str:
    digest = hashlib.sha256()
    for chunk in content.read():
        digest.update(chunk)
    return digest.hexdigest()


@lru_cache(maxsize=4096)
def _git_blob_oid(content: Content) -> str:
    # git's own object id; it identifies, it protects nothing
    digest = hashlib.sha1(f"blob {content.size_bytes}\0".encode(), usedforsecurity=False)
    for chunk in content.read():
        digest.update(chunk)
    return digest.hexdigest()
