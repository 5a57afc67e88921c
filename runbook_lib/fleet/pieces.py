"""Models in pieces: what a set of models consists of, and which of it stands on a host, in part or whole."""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runbook_lib.bundle.read import WantedBlob
from runbook_lib.bundle.sources import Opened
from runbook_lib.bundle.standing import Standing
from runbook_lib.cache.hashing import sha256_of
from runbook_lib.cache.locks import download_lock
from runbook_lib.core import atomic
from runbook_lib.core.value import StrictValue
from runbook_lib.errors import BundleError
from runbook_lib.run.lock_file import LockFile

PIECE_BYTES: Final = 4 * 1024**2
"""What goes from host to host at once: large enough that asking costs little, small enough for anybody's memory."""
_FOLDER: Final = "runbook-fleet"


class Blob(StrictValue):
    """A content of the models, and where the Hub has it."""

    sha256: str
    size_bytes: int
    name: str
    where: str
    """Below the Hub's address; or a URL, for models of OCR engines."""
    git_sha1: str = ""

    @property
    def pieces(self) -> int:
        """How many there are; an empty content has none."""
        return -(-self.size_bytes // PIECE_BYTES)

    @property
    def all_pieces(self) -> int:
        """The bits of all of them."""
        return (1 << self.pieces) - 1

    def length(self, number: int) -> int:
        """Return the bytes of a piece."""
        return min(PIECE_BYTES, self.size_bytes - number * PIECE_BYTES)


def blobs_of(lock: LockFile) -> tuple[Blob, ...]:
    """Return every content that a lock file names, once."""
    found: dict[str, Blob] = {}
    for repo in lock.repositories:
        for file in repo.files:
            blob = Blob(
                sha256=file.sha256,
                size_bytes=file.size_bytes,
                name=f"{repo.repo_id}: {file.path}",
                where=f"{repo.repo_id}/resolve/{repo.commit}/{file.path}",
                git_sha1="" if file.lfs else file.git_sha1,
            )
            found.setdefault(blob.sha256, blob)
    for one in lock.ocr.files if lock.ocr else ():
        found.setdefault(one.sha256, Blob(sha256=one.sha256, size_bytes=one.size_bytes, name=one.path, where=one.url))
    return tuple(found.values())


@dataclass
class Store:
    """What has come to a host of some models: pieces at their places in files beside the cache, where no client looks.

    Attributes:
        cache_dir: The Hub cache they are for.
        artifacts_dir: The artifacts folder, which may hold contents, too.
        blobs: What is wanted.
    """

    cache_dir: Path
    artifacts_dir: Path
    blobs: tuple[Blob, ...]
    _whole: dict[str, Path] = field(default_factory=dict)
    _bits: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> dict[str, int]:
        """Return the bits of the pieces that stand here, by SHA-256; reads every content that claims to be whole."""
        standing = Standing(self.cache_dir, self.artifacts_dir)
        for blob in self.blobs:
            copy = standing.copy_of(WantedBlob(blob.sha256, blob.size_bytes, blob.name, blob.git_sha1))
            if copy is not None:
                self._whole[blob.sha256] = copy
            self._bits[blob.sha256] = blob.all_pieces if copy is not None else self._noted(blob)
        return dict(self._bits)

    @property
    def lacking_bytes(self) -> int:
        """What is still to come."""
        return sum(
            blob.length(number)
            for blob in self.blobs
            for number in range(blob.pieces)
            if not self._bits[blob.sha256] >> number & 1
        )

    def read(self, blob: Blob, number: int) -> bytes | None:
        """Return a piece that stands here; None when it does not."""
        if not self._bits.get(blob.sha256, 0) >> number & 1:
            return None
        with self._lock, self._path(blob).open("rb") as file:  # `settle` removes nothing that is being read
            file.seek(number * PIECE_BYTES)
            return file.read(blob.length(number))

    def write(self, blob: Blob, number: int, content: bytes) -> None:
        """Put a piece at its place; raises `OSError` when there is no room."""
        path = self._part(blob)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "r+b", opener=lambda name, flags: os.open(name, flags | os.O_CREAT, 0o644)) as file:
            file.seek(number * PIECE_BYTES)
            file.write(content)
        with self._lock:
            self._bits[blob.sha256] = self._bits.get(blob.sha256, 0) | 1 << number
            note = {"size_bytes": blob.size_bytes, "piece_bytes": PIECE_BYTES, "bits": hex(self._bits[blob.sha256])}
            atomic.write_text(self._note(blob), json.dumps(note))

    def drop_damaged(self) -> tuple[str, ...]:
        """Remove what has come and is not what its hash says; returns its names."""
        damaged = [blob for blob in self.blobs if self._is_damaged(blob)]
        for blob in damaged:
            self._remove(blob)
        return tuple(blob.name for blob in damaged)

    def settle(self, places: Mapping[str, Path]) -> None:
        """Remove all that has come: each content, by its SHA-256, has its place and is read there from now on."""
        with self._lock:
            self._whole.update(places)
            for blob in self.blobs:
                self._remove(blob)

    # what `import_bundle` asks of a source

    @property
    def words(self) -> str:
        """How it is named in messages."""
        return "What came from the fleet"

    def document(self, name: str) -> bytes:
        """Refuse: there are no documents, all is in the lock file."""
        raise BundleError(f"There is no {name} in what came from the fleet.")

    def size_of(self, sha256: str) -> int | None:
        """Return the length of a content that has come whole; None for others, which stand in the cache."""
        blob = next((blob for blob in self.blobs if blob.sha256 == sha256), None)
        if blob is None or sha256 in self._whole or self._bits.get(sha256) != blob.all_pieces:
            return None
        return blob.size_bytes

    def blob(self, sha256: str) -> Opened:
        """Return a content that has come."""
        blob = next(blob for blob in self.blobs if blob.sha256 == sha256)
        path = self._part(blob)
        if not blob.size_bytes:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return Opened(path.open("rb", buffering=0), path)

    def names(self) -> frozenset[str]:
        """Return nothing: nobody lists it."""
        return frozenset()

    def _is_damaged(self, blob: Blob) -> bool:
        return self.size_of(blob.sha256) is not None and sha256_of(self._part(blob)) != blob.sha256

    def _remove(self, blob: Blob) -> None:
        self._note(blob).unlink(missing_ok=True)
        self._part(blob).unlink(missing_ok=True)
        self._bits[blob.sha256] = blob.all_pieces if blob.sha256 in self._whole else 0

    def _noted(self, blob: Blob) -> int:
        """Return what an earlier transfer left; what was damaged since is found at the end, when all is hashed."""
        try:
            note = json.loads(self._note(blob).read_bytes())
            fits = note["size_bytes"] == blob.size_bytes and note["piece_bytes"] == PIECE_BYTES
            return int(note["bits"], 16) & blob.all_pieces if fits and self._part(blob).exists() else 0
        except (OSError, ValueError, TypeError, KeyError):
            return 0

    def _path(self, blob: Blob) -> Path:
        return self._whole.get(blob.sha256) or self._part(blob)

    def _part(self, blob: Blob) -> Path:
        return download_lock(self.cache_dir).parent / _FOLDER / f"{blob.sha256}.part"

    def _note(self, blob: Blob) -> Path:
        return self._part(blob).with_suffix(".json")


def bits_set(bits: int) -> Iterator[int]:
    """Yield the numbers of the pieces that bits stand for."""
    number = 0
    while bits:
        if bits & 1:
            yield number
        bits >>= 1
        number += 1
