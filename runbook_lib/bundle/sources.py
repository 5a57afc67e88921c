"""Where a bundle is read from: a folder, or one file or its parts. Nothing in it is believed before it is compared."""

import re
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from runbook_lib.bundle.media_types import BLOBS, INDEX_FILE, LAYOUT_FILE, SIGNATURE_FILE
from runbook_lib.bundle.names import refused
from runbook_lib.bundle.oci import MAX_DOCUMENT_BYTES
from runbook_lib.bundle.parts import PartsReader, parts_of
from runbook_lib.bundle.streams import Readable
from runbook_lib.cache.hashing import open_regular
from runbook_lib.cache.walk import walk
from runbook_lib.errors import BundleError

_IN_REGISTRY: Final = re.compile(r"oci(\+https?)?:", re.IGNORECASE)
_MAX_MEMBERS: Final = 200_000
_MAX_HEADER_BYTES: Final = 1024**2
"""What tarfile may read at once: a header, or a long name; contents are read elsewhere."""


class Source(Protocol):
    """Something that holds a layout."""

    @property
    def words(self) -> str:
        """How it is named in messages."""

    def document(self, name: str) -> bytes:
        """Return a small file by its name in the layout; raises `BundleError` when there is none."""

    def size_of(self, sha256: str) -> int | None:
        """Return the length of a blob; None when it is not here."""

    def blob(self, sha256: str) -> "Opened":
        """Return a blob that is here."""

    def names(self) -> frozenset[str]:
        """Return the name of every file in the layout; empty where nobody can list them."""


@dataclass(frozen=True)
class Opened:
    """A blob of a source: its stream, and its file where it has one of its own."""

    stream: Readable
    path: Path | None = None

    def close(self) -> None:
        """Close the stream, where it can be closed."""
        if callable(close := getattr(self.stream, "close", None)):
            close()


@dataclass(frozen=True)
class FolderSource:
    """A layout in a folder."""

    root: Path

    @property
    def words(self) -> str:
        """The path."""
        return str(self.root)

    def document(self, name: str) -> bytes:
        """Return a small file; links are not followed."""
        size_bytes = self._length(name)
        if size_bytes is None:
            raise _lacking(self.words, name)
        if size_bytes > MAX_DOCUMENT_BYTES:
            raise too_large(self.words, name, size_bytes)
        with open_regular(self.root / name) as file:
            return file.read(MAX_DOCUMENT_BYTES + 1)

    def size_of(self, sha256: str) -> int | None:
        """Return the length of a blob; None when it is not here."""
        return self._length(f"{BLOBS}/{sha256}")

    def blob(self, sha256: str) -> Opened:
        """Open a blob."""
        path = self.root / BLOBS / sha256
        return Opened(open_regular(path), path)

    def names(self) -> frozenset[str]:
        """Return the name of every file in the folder."""
        return frozenset(name for name, _facts in walk(self.root))

    def _length(self, name: str) -> int | None:
        try:
            facts = (self.root / name).lstat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(facts.st_mode):
            raise refused(f"{self.words} is not a bundle.", f"{name} is not a regular file")
        return facts.st_size


@dataclass(frozen=True)
class FileSource:
    """A layout in a tar file, or in the parts it was cut into."""

    words: str
    reader: PartsReader
    members: dict[str, tuple[int, int]]
    """Name to offset and length."""

    def document(self, name: str) -> bytes:
        """Return a small file."""
        if name not in self.members:
            raise _lacking(self.words, name)
        offset, size_bytes = self.members[name]
        if size_bytes > MAX_DOCUMENT_BYTES:
            raise too_large(self.words, name, size_bytes)
        content = bytearray(size_bytes)
        view, count, stretch = memoryview(content), 0, _Stretch(self.reader, offset, size_bytes)
        while count < size_bytes and (step := stretch.readinto(view[count:])):
            count += step
        return bytes(content[:count])

    def size_of(self, sha256: str) -> int | None:
        """Return the length of a blob; None when it is not here."""
        found = self.members.get(f"{BLOBS}/{sha256}")
        return found[1] if found else None

    def blob(self, sha256: str) -> Opened:
        """Return a blob's stretch of the file."""
        return Opened(_Stretch(self.reader, *self.members[f"{BLOBS}/{sha256}"]))

    def names(self) -> frozenset[str]:
        """Return the name of every member."""
        return frozenset(self.members)


class _Stretch:
    """A stretch of a file, read from its beginning."""

    def __init__(self, reader: PartsReader, offset: int, size_bytes: int) -> None:
        self._reader, self._place, self._end = reader, offset, offset + size_bytes

    def readinto(self, buffer: "bytearray | memoryview", /) -> int:
        self._reader.seek(self._place)
        count = self._reader.readinto(memoryview(buffer)[: self._end - self._place])
        self._place += count
        return count


@contextmanager
def opened_source(where: str | Path) -> Iterator[Source]:
    """Open a folder, a file, a file in parts, or an address in a registry; raises `BundleError` for anything else."""
    if isinstance(where, str) and _IN_REGISTRY.match(where):
        from runbook_lib.bundle.registry import opened_registry

        with opened_registry(where) as source:
            yield source
        return
    path = Path(where)
    if path.is_dir():
        yield FolderSource(path)
        return
    parts = parts_of(path)
    if not parts:
        raise BundleError(
            f"There is no bundle at {path}.",
            why="It is neither a folder nor a file, and there is no first part of one (.001).",
            remedy="Name the folder, the .tar file, or the first part; or oci://HOST/NAME:TAG.",
        )
    with PartsReader(parts, _MAX_HEADER_BYTES) as reader:
        yield FileSource(str(path), reader, dict(_members(reader, str(path))))


def _members(reader: PartsReader, words: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the members of a tar file; anything but regular files and folders is refused."""
    try:
        with tarfile.open(fileobj=reader, mode="r:") as tar:
            seen: set[str] = set()
            for member in tar:
                if member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    raise refused(f"{words} is not a bundle.", f"{member.name!r} in it is not a regular file")
                name = member.name.removeprefix("./")
                if name in seen or len(seen) >= _MAX_MEMBERS:
                    raise refused(f"{words} is not a bundle.", f"{name!r} is in it twice, or it holds too many files")
                seen.add(name)
                if member.offset_data + member.size > reader.size_bytes:
                    raise truncated(words)
                yield name, (member.offset_data, member.size)
                tar.members = []  # type: ignore[attr-defined] # tarfile keeps every one, and there may be many
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        if "unexpected end" in str(error):
            raise truncated(words) from error
        raise BundleError(
            f"{words} is not a bundle.",
            why=f"It cannot be read as a tar file: {error}.",
            remedy="Nothing was written. An archive that is compressed has to be unpacked first; otherwise have the "
            "bundle exported and carried over again, with all its parts.",
        ) from error


def truncated(words: str) -> BundleError:
    """Return the error for a file that ends too early."""
    return BundleError(
        f"{words} ends before the bundle does.",
        why="A part is missing, or it was not copied completely.",
        remedy="Nothing was written. Carry the missing part, or copy the bundle again.",
    )


def too_large(words: str, name: str, size_bytes: int) -> BundleError:
    """Return the error for a document nobody needs to be that large."""
    return refused(f"{words} is not a bundle.", f"{name} holds {size_bytes} bytes, more than any document of a bundle")


def _lacking(words: str, name: str) -> BundleError:
    if name == SIGNATURE_FILE:
        return refused(f"{words} is not signed.", f"It holds no {SIGNATURE_FILE}; registries carry none")
    what = {LAYOUT_FILE: "an OCI image layout has one", INDEX_FILE: "it lists what the layout holds"}
    return refused(f"{words} is not a bundle.", f"{name} is missing; {what.get(name, 'another document names it')}")
