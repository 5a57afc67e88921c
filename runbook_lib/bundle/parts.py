"""A file that is cut into parts of a given size, for media that take no larger ones; `cat` joins them again."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runbook_lib.errors import BundleError, UsageError

_FIRST: Final = ".001"
_MAX_PARTS: Final = 999


def part_path(path: Path, number: int) -> Path:
    """Return the name of a part, counted from 1."""
    return path.with_name(f"{path.name}.{number:03d}")


def parts_of(path: Path) -> tuple[Path, ...]:
    """Return the files that a name stands for: itself, or its parts in order; empty when there is neither."""
    base = path.with_name(path.name.removesuffix(_FIRST)) if path.name.endswith(_FIRST) else path
    if base.is_file():
        return (base,)
    parts = []
    for number in range(1, _MAX_PARTS + 1):
        part = part_path(base, number)
        if not part.is_file():
            break
        parts.append(part)
    return tuple(parts)


class PartsWriter(io.RawIOBase):
    """Writes one stream into files of at most `limit_bytes`; one file without a limit."""

    def __init__(self, path: Path, limit_bytes: int | None) -> None:
        self._path, self._limit_bytes = path, limit_bytes
        self._done_bytes = self._room_bytes = 0
        self._file: io.BufferedWriter | io.FileIO | None = None
        self.paths: list[Path] = []

    def writable(self) -> bool:
        """Whether it can be written to: always."""
        return True

    def tell(self) -> int:
        """Return the place in the whole stream."""
        return self._done_bytes

    def write(self, content: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        """Write all of it, into as many parts as it takes."""
        view = memoryview(content)
        while view:
            file = self._open_part()
            piece = view if self._limit_bytes is None else view[: self._room_bytes]
            count = file.write(piece) or 0
            self._room_bytes -= count
            self._done_bytes += count
            view = view[count:]
        return len(content)

    def _open_part(self) -> "io.FileIO | io.BufferedWriter":
        if self._file is not None and (self._limit_bytes is None or self._room_bytes):
            return self._file
        if len(self.paths) == _MAX_PARTS:
            raise UsageError(
                f"The bundle would have more than {_MAX_PARTS} parts.", remedy="Give --split a larger size."
            )
        if self._file is not None:
            self._file.close()
        path = self._path if self._limit_bytes is None else part_path(self._path, len(self.paths) + 1)
        self._file = path.open("xb", buffering=0)
        self.paths.append(path)
        self._room_bytes = self._limit_bytes or 0
        return self._file

    def close(self) -> None:
        """Close the last part."""
        if self._file is not None:
            self._file.close()
        super().close()


class PartsReader(io.RawIOBase):
    """Reads parts as the one file they were, from any place."""

    def __init__(self, paths: Sequence[Path], max_read_bytes: int) -> None:
        self._files = [path.open("rb", buffering=0) for path in paths]
        self._ends: list[int] = []
        for file in self._files:
            self._ends.append((self._ends[-1] if self._ends else 0) + os.fstat(file.fileno()).st_size)
        self._place = 0
        self._max_read_bytes = max_read_bytes

    @property
    def size_bytes(self) -> int:
        """Length of the whole."""
        return self._ends[-1] if self._ends else 0

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether any place can be read: always."""
        return True

    def tell(self) -> int:
        """Return the place in the whole."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the whole."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size_bytes}[whence]
        self._place = max(start + offset, 0)
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; a header that asks for more than a sane one does is refused, not obeyed."""
        if size < 0 or size > self._max_read_bytes:
            raise BundleError(
                "The file is not a bundle.",
                why=f"A header in it claims {size} bytes for a name.",
                remedy="Nothing was written. Have the bundle exported and carried over again.",
            )
        buffer = bytearray(size)
        view, count = memoryview(buffer), 0
        while count < size and (step := self.readinto(view[count:])):
            count += step
        return bytes(view[:count])

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Fill the buffer as far as one part goes."""
        for number, end in enumerate(self._ends):
            if self._place < end:
                start = self._ends[number - 1] if number else 0
                file = self._files[number]
                file.seek(self._place - start)
                count = file.readinto(memoryview(buffer)[: end - self._place]) or 0
                self._place += count
                return count
        return 0

    def close(self) -> None:
        """Close every part."""
        for file in self._files:
            file.close()
        super().close()
