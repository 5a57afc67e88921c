"""Planning: which files of an OCR engine stand here already, and where the others will come from."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from runbook_lib.cache.artifacts import read_stamp
from runbook_lib.cache.hashing import md5_of, sha256_of
from runbook_lib.core.value import Value
from runbook_lib.ocr.model_files import ModelFile


class Source(StrEnum):
    """Where a file comes from, in the order they are tried."""

    THERE = "already there"
    SHIPPED = "the installed package"
    MIRROR = "the mirror"
    HOST = "its public host"
    NOWHERE = "nowhere: offline"


class PlannedFile(Value):
    """One file and the first source it is to be tried from."""

    file: ModelFile
    source: Source
    size_bytes: int = 0
    """Zero when only the network knows it."""


class OcrPlan(Value):
    """What the folder of an OCR engine is to hold."""

    engine: str
    """As it is shown: `rapidocr with onnxruntime`."""
    folder: str
    """The folder itself, below the artifacts folder."""
    files: tuple[PlannedFile, ...]

    @property
    def needs_network(self) -> bool:
        """Whether a file can only be had from elsewhere."""
        return any(planned.source in (Source.MIRROR, Source.HOST) for planned in self.files)

    @property
    def absent(self) -> tuple[str, ...]:
        """The files that cannot be had offline."""
        return tuple(planned.file.name for planned in self.files if planned.source is Source.NOWHERE)

    @property
    def copied_bytes(self) -> int:
        """What the folder will take more, as far as it is known."""
        return sum(planned.size_bytes for planned in self.files if planned.source is not Source.THERE)


def plan_ocr(engine: str, files: Sequence[ModelFile], folder: Path, *, mirror: str, offline: bool) -> OcrPlan:
    """Look at what stands in the folder, content included, and choose a source for the rest; changes nothing."""
    planned = tuple(_planned(file, folder, mirror=mirror, offline=offline) for file in files)
    return OcrPlan(engine=engine, folder=str(folder), files=planned)


def _planned(file: ModelFile, folder: Path, *, mirror: str, offline: bool) -> PlannedFile:
    there, shipped = folder / file.name, Path(file.shipped) if file.shipped else None
    if there.is_file() and is_right(there, file, known_sha256(folder, file)):
        return PlannedFile(file=file, source=Source.THERE, size_bytes=there.stat().st_size)
    if shipped is not None and shipped.is_file() and is_right(shipped, file):
        return PlannedFile(file=file, source=Source.SHIPPED, size_bytes=shipped.stat().st_size)
    if offline:
        return PlannedFile(file=file, source=Source.NOWHERE)
    return PlannedFile(file=file, source=Source.MIRROR if mirror else Source.HOST)


def known_sha256(folder: Path, file: ModelFile) -> str:
    """Return the hash a file should have: by the engine's list, else what it was when it was placed here."""
    if file.sha256:
        return file.sha256
    stamp = read_stamp(folder)
    placed = stamp.files.get(file.name) if stamp else None
    return placed.etag if placed else ""


def is_right(path: Path, file: ModelFile, sha256: str = "") -> bool:
    """Whether the content is what it should be: by SHA-256, else by easyocr's MD5, else just not empty."""
    expected = sha256 or file.sha256
    try:
        if expected:
            return sha256_of(path) == expected
        return md5_of(path) == file.md5 if file.md5 else path.stat().st_size > 0
    except OSError:
        return False
