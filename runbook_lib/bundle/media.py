"""What a bundle is written to: a folder, or one file that may be cut into parts; there whole or not at all."""

import os
import shutil
import tarfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from runbook_lib.bundle.contents import SourceFile, not_as_locked
from runbook_lib.bundle.parts import PartsWriter, part_path, parts_of
from runbook_lib.bundle.streams import BUFFER_BYTES, Hashing
from runbook_lib.cache.hashing import open_regular, sha256_of
from runbook_lib.cache.sharing import Sharing, share
from runbook_lib.errors import UsageError
from runbook_lib.system.progress import Passed

ARCHIVE_SUFFIX: Final = ".tar"
_SHARED: Final = (Sharing.CLONED, Sharing.LINKED)


@dataclass
class Written:
    """What was written."""

    written_bytes: int = 0
    shared_bytes: int = 0
    """Takes no room: hard links and reflinks."""
    paths: tuple[Path, ...] = ()


class Medium(Protocol):
    """Takes the parts of a layout, one after the other."""

    done: Written

    def put(self, name: str, content: bytes) -> None:
        """Write a document under its name in the layout."""

    def put_file(self, name: str, file: SourceFile, passed: Passed) -> None:
        """Put a file of this machine under its name; raises `BundleError` when its content is not what it should be."""


@dataclass
class _Folder:
    root: Path
    done: Written = field(default_factory=Written)

    def put(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.done.written_bytes += len(content)

    def put_file(self, name: str, file: SourceFile, passed: Passed) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sharing = share(file.path, path, clones=file.is_weights, hard_links=file.is_weights)
        if path.stat().st_size != file.size_bytes or sha256_of(path) != file.sha256:
            raise not_as_locked(file)
        if sharing in _SHARED:
            self.done.shared_bytes += file.size_bytes
        else:
            self.done.written_bytes += file.size_bytes
        passed(file.size_bytes)


@dataclass
class _Archive:
    tar: tarfile.TarFile
    done: Written = field(default_factory=Written)

    def put(self, name: str, content: bytes) -> None:
        self._add(name, len(content), Hashing(_Content(content)))

    def put_file(self, name: str, file: SourceFile, passed: Passed) -> None:
        with open_regular(file.path) as source:
            hashing = Hashing(source, passed)
            self._add(name, file.size_bytes, hashing)
            if hashing.sha256 != file.sha256 or source.read(1):
                raise not_as_locked(file)

    def _add(self, name: str, size_bytes: int, source: Hashing) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size_bytes, 0o644
        self.tar.addfile(member, source)  # type: ignore[arg-type] # tarfile needs no more than read()
        self.done.written_bytes += size_bytes


class _Content:
    """Bytes as something that fills buffers."""

    def __init__(self, content: bytes) -> None:
        self._rest = memoryview(content)

    def readinto(self, buffer: bytearray, /) -> int:
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


@contextmanager
def opened_medium(dest: Path, split_bytes: int | None) -> Iterator[Medium]:
    """Open what the name means, a file when it ends with `.tar`; it takes its name when the block ends well.

    Raises `UsageError` when something stands there already, or a folder was to be cut into parts.
    """
    is_archive = dest.suffix == ARCHIVE_SUFFIX
    _require_free(dest, split_bytes, is_archive=is_archive)
    dest.parent.mkdir(parents=True, exist_ok=True)
    temporary = dest.with_name(f".{uuid.uuid4().hex[:8]}.tmp")
    if is_archive:
        yield from _archive(dest, temporary, split_bytes)
    else:
        yield from _folder(dest, temporary)


def _folder(dest: Path, temporary: Path) -> Iterator[Medium]:
    try:
        temporary.mkdir()
        medium = _Folder(temporary)
        yield medium
        temporary.rename(dest)
        medium.done.paths = (dest,)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _archive(dest: Path, temporary: Path, split_bytes: int | None) -> Iterator[Medium]:
    writer = PartsWriter(temporary, split_bytes)
    try:
        with (
            writer,
            tarfile.TarFile(fileobj=writer, mode="w", format=tarfile.PAX_FORMAT, copybufsize=BUFFER_BYTES) as tar,
        ):
            medium = _Archive(tar)
            yield medium
        medium.done.paths = _named(dest, writer.paths, split_bytes)
    except BaseException:
        for path in writer.paths:
            with suppress(OSError):
                path.unlink()
        raise


def _named(dest: Path, written: Sequence[Path], split_bytes: int | None) -> tuple[Path, ...]:
    """Give the parts their names, the first last: it is what a reader begins with."""
    named = tuple(dest if split_bytes is None else part_path(dest, number) for number in range(1, len(written) + 1))
    for path, name in reversed(tuple(zip(written, named, strict=True))):
        path.rename(name)
    return named


def _require_free(dest: Path, split_bytes: int | None, *, is_archive: bool) -> None:
    if split_bytes is not None and not is_archive:
        raise UsageError(
            "A folder cannot be cut into parts.",
            remedy=f"Name a file that ends with {ARCHIVE_SUFFIX}, or leave --split out.",
        )
    there = (dest,) if os.path.lexists(dest) else parts_of(dest) if is_archive else ()
    if there and not (not is_archive and dest.is_dir() and not any(dest.iterdir())):
        raise UsageError(
            f"{there[0]} already exists.",
            why="A bundle is never written over another one.",
            remedy="Name another place, or remove it first.",
        )
    if there:
        dest.rmdir()
