"""Putting OCR models where docling looks: copied or fetched beside their place, compared, then renamed into it."""

import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runbook_lib.cache.artifacts import STAMP_NAME, Stamp, StampedFile, read_stamp
from runbook_lib.cache.hashing import sha256_of
from runbook_lib.core import atomic
from runbook_lib.core.value import Value
from runbook_lib.ocr.fetch import NotFetched, addresses, fetch
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.ocr.plan import OcrPlan, PlannedFile, Source, is_right

QUARANTINE: Final = ".runbook-quarantine"
"""Beside the folder of the engine, as repair keeps it below the artifacts folder."""

Say = Callable[[int], None]


class PlacedFile(Value):
    """What became of one file."""

    name: str
    source: Source
    size_bytes: int
    sha256: str = ""
    problem: str = ""
    """Why it does not stand where docling looks; empty when it does."""


class PlacedOcr(Value):
    """What became of the models of an OCR engine."""

    engine: str
    folder: str
    files: tuple[PlacedFile, ...]

    @property
    def failed(self) -> tuple[PlacedFile, ...]:
        """The files that could not be had."""
        return tuple(file for file in self.files if file.problem)

    @property
    def fetched_bytes(self) -> int:
        """What came over the network."""
        over_network = (Source.MIRROR, Source.HOST)
        return sum(file.size_bytes for file in self.files if file.source in over_network and not file.problem)

    @property
    def placed_bytes(self) -> int:
        """What was written."""
        return sum(file.size_bytes for file in self.files if file.source is not Source.THERE and not file.problem)

    def __str__(self) -> str:
        counts = {source: sum(file.source is source for file in self.files) for source in Source}
        return ", ".join(
            f"{count} from {source.value}" if source is not Source.THERE else f"{count} {source.value}"
            for source, count in counts.items()
            if count
        )


def place_ocr(
    plan: OcrPlan,
    *,
    mirror: str,
    docling: str,
    deadline: float,
    cancel: threading.Event | None = None,
    progress: Say = lambda _done: None,
) -> PlacedOcr:
    """Carry out the plan; may be run again. A file that cannot be had is told in the answer, not raised.

    Files are copied from the installed package, never linked: docling-tools writes into files that stand there, and
    would write through a link into the package (docling 2.143). A wrong file in the way goes to quarantine.
    """
    folder = Path(plan.folder)
    placed = tuple(_placed(planned, folder, mirror, deadline, cancel, progress) for planned in plan.files)
    if any(not file.problem for file in placed):
        _stamp(folder, plan, placed, docling)
    return PlacedOcr(engine=plan.engine, folder=plan.folder, files=placed)


def _placed(
    planned: PlannedFile,
    folder: Path,
    mirror: str,
    deadline: float,
    cancel: threading.Event | None,
    progress: Say,
) -> PlacedFile:
    file, target = planned.file, folder / planned.file.name
    if planned.source is Source.THERE:
        return PlacedFile(name=file.name, source=Source.THERE, size_bytes=planned.size_bytes, sha256=sha256_of(target))
    problems: list[str] = []
    if planned.source is Source.NOWHERE:
        problems.append("not on this machine, and this run is offline")
    else:
        for source, put in _ways(planned, mirror, deadline, cancel, progress):
            try:
                return _put(file, target, source, put)
            except (NotFetched, OSError) as error:
                problems.append(str(error))
    return PlacedFile(name=file.name, source=planned.source, size_bytes=0, problem="; ".join(problems))


Put = Callable[[Path], object]


def _ways(
    planned: PlannedFile, mirror: str, deadline: float, cancel: threading.Event | None, progress: Say
) -> Iterator[tuple[Source, Put]]:
    file = planned.file
    if planned.source is Source.SHIPPED:
        yield Source.SHIPPED, lambda temporary: shutil.copyfile(file.shipped, temporary)
        return
    for address in addresses(file, mirror):
        source = Source.HOST if address == file.url else Source.MIRROR

        def put(temporary: Path, address: str = address) -> None:
            fetch(file, address, temporary, deadline=deadline, cancel=cancel, progress=progress)

        yield source, put


def _put(file: ModelFile, target: Path, source: Source, put: Put) -> PlacedFile:
    """Write beside the place, compare, rename."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{uuid.uuid4().hex[:8]}.tmp")
    try:
        put(temporary)
        if not is_right(temporary, file):
            raise NotFetched(f"{file.name} from {source.value} is not what its hash says")
        if os.path.lexists(target):
            _move_aside(target)
        temporary.replace(target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return PlacedFile(name=file.name, source=source, size_bytes=target.stat().st_size, sha256=sha256_of(target))


def _move_aside(target: Path) -> None:
    home = target.parent.parent / QUARANTINE / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z" / target.parent.name
    home.mkdir(parents=True, exist_ok=True)
    target.rename(home / target.name)


def _stamp(folder: Path, plan: OcrPlan, placed: tuple[PlacedFile, ...], docling: str) -> None:
    files = {}
    for file in placed:
        if not file.problem:
            facts = (folder / file.name).stat()
            files[file.name] = StampedFile(etag=file.sha256, size_bytes=facts.st_size, mtime_ns=facts.st_mtime_ns)
    stamp = Stamp(repo_id=folder.name, revision=plan.engine, commit="", docling=docling, files=files)
    if stamp != read_stamp(folder):
        atomic.write_text(folder / STAMP_NAME, stamp.model_dump_json(indent=2) + "\n")


def is_ocr_placed(folder: Path, files: tuple[ModelFile, ...]) -> bool:
    """Whether every file stands there in the length it was placed with; reads no content."""
    stamp = read_stamp(folder)
    return all(_has_length(folder, file, stamp) for file in files)


def _has_length(folder: Path, file: ModelFile, stamp: Stamp | None) -> bool:
    try:
        size_bytes = (folder / file.name).stat().st_size
    except OSError:
        return False
    known = stamp.files.get(file.name) if stamp else None
    return size_bytes == known.size_bytes if known else size_bytes > 0
