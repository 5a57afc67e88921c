"""The run folder: the header `run.json` and one record a stage."""

import errno
import os
import platform
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from runbook_lib.core import atomic
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.value import Masked, MaskedAddress, StrictValue
from runbook_lib.errors import DiskError, RecordError, UsageError
from runbook_lib.render.sections import Figure
from runbook_lib.run.check import SCHEMA_VERSION, Artifact
from runbook_lib.run.record import Facts, RawFacts, StageRecord
from runbook_lib.run.target import Places
from runbook_lib.system.filesystem import KERNEL_FILESYSTEMS, filesystem_type, nearest_existing, refusals_told
from runbook_lib.system.progress import HEADLESS_VARIABLE

HEADER_NAME: Final = "run.json"
REPORT_NAME: Final = "report.html"
_WRITABLE: Final = "Work in a folder with enough space that this user may write to, or name one: -p run_dir PATH."
_NO_SUCH_PLACE: Final = (
    errno.ENOENT,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
    errno.EINVAL,
    errno.ELOOP,
    errno.EILSEQ,
)
"""What a system answers to a name that it will never take: running it again changes nothing."""
STAGES: Final = ("detect", "configure_env", "download", "verify", "convert", "measure_disk")
"""The stages in their order; a stage's number in file names is its place here, from 1."""

FactsT = TypeVar("FactsT", bound=Facts)
_HEADER_LOCK: Final = threading.Lock()
"""The header is read and written again by the run and by its heartbeat."""


def stage_file_stem(stage: str) -> str:
    """Return `NN_stage`, the name shared by a stage's notebook and its record."""
    return f"{STAGES.index(stage) + 1:02d}_{stage}"


class RunState(StrEnum):
    """Where a run stands; `running` may also mean that it died: `runbook_lib.run.life` tells."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class RunHeader(StrictValue):
    """The file `run.json`: what was asked, where, and how far it came. Holds no secret."""

    schema_version: Literal[2] = SCHEMA_VERSION
    created_at: datetime
    heartbeat_at: datetime
    host: str
    python: str
    practice: bool = False
    """Whether a practice hub serves the models, whatever address led to it."""
    cache_dir: str = ""
    """The Hub cache that all stages of the run work on; empty in headers written before this was kept."""
    artifacts_dir: str = ""
    endpoint: MaskedAddress = ""
    """Address of the Hub, free of secrets; empty for the built-in practice hub."""
    settings: dict[str, JsonValue]
    origins: dict[str, str]
    stages: tuple[str, ...] = STAGES
    state: RunState = RunState.RUNNING
    problem: Masked = ""
    """Why the run did not finish, when no stage record can say it: a dead kernel, an interruption."""


@dataclass(frozen=True)
class Run:
    """A run folder; every method reads or writes the disk, nothing is kept in memory."""

    folder: Path

    @classmethod
    def create(
        cls, folder: Path, settings: Mapping[str, JsonValue], origins: Mapping[str, str], places: Places | None = None
    ) -> "Run":
        """Make the folder and its header; settings must be free of secrets.

        Raises `UsageError` for a place where no folder can be, and `DiskError` when it cannot be made or written; then
        leaves none that was not there.
        """
        now = datetime.now(UTC)
        run = cls(folder)
        header = RunHeader(
            created_at=now,
            heartbeat_at=now,
            host=socket.gethostname(),
            python=platform.python_version(),
            practice=places is not None and places.practice,
            cache_dir=str(places.cache_dir) if places else "",
            artifacts_dir=str(places.artifacts_dir) if places else "",
            endpoint=places.endpoint if places else "",
            settings=dict(settings),
            origins=dict(origins),
        )
        try:
            run._write_header(header)
        except DiskError as error:
            if isinstance(error.__cause__, OSError) and _can_never_be(folder, error.__cause__):
                raise UsageError(f"{folder} cannot be a run folder.", why=error.why, remedy=_WRITABLE) from error
            raise
        return run

    @property
    def exists(self) -> bool:
        """Whether the folder holds a header."""
        return os.path.isfile(self.folder / HEADER_NAME)  # noqa: PTH113 - Path.is_file raises for a name that is too long

    def header(self) -> RunHeader:
        """Read `run.json`; raises `RecordError` when it is missing, damaged or of another schema version."""
        return _read(self.folder / HEADER_NAME, RunHeader)

    def update(
        self,
        *,
        state: RunState | None = None,
        stages: tuple[str, ...] | None = None,
        problem: str | None = None,
        settings: Mapping[str, JsonValue] | None = None,
        heartbeat_at: datetime | None = None,
    ) -> None:
        """Write the header again with a fresh heartbeat and what is given changed; checked before it is written."""
        given = {"state": state, "stages": stages, "problem": problem, "settings": settings}
        changed = {name: value for name, value in given.items() if value is not None}
        with _HEADER_LOCK:
            fields = {**dict(self.header()), **changed, "heartbeat_at": heartbeat_at or datetime.now(UTC)}
            self._write_header(RunHeader.model_validate(fields))

    def save(self, record: "StageRecord[FactsT]") -> "StageRecord[FactsT]":
        """Write the record of a stage, replacing an older one, and return it; raises `DiskError`.

        In a headless run the header has one writer, the process that started the kernels: its heart beats by itself.
        """
        self._write(self.record_path(record.stage), (record.model_dump_json(indent=2) + "\n").encode())
        if not os.environ.get(HEADLESS_VARIABLE):
            self.update()
        return record

    def record_path(self, stage: str) -> Path:
        """Return where the record of a stage stands; it need not exist."""
        return self.folder / f"{stage_file_stem(stage)}.json"

    def has(self, stage: str) -> bool:
        """Whether a record of the stage exists; does not look into it."""
        return self.record_path(stage).is_file()

    def read(self, stage: str, facts: type[FactsT]) -> "StageRecord[FactsT]":
        """Read a stage's record with its facts; raises `RecordError` naming what to run when it is missing."""
        if not self.has(stage):
            raise RecordError(
                f"The run has no record of stage {stage}.",
                why=f"{self.record_path(stage)} does not exist.",
                remedy=f"Run {FixedBy(stage_file_stem(stage)).words} with this run_dir first.",
            )
        return _read(self.record_path(stage), StageRecord[facts])  # type: ignore[valid-type]

    def records(self) -> tuple["StageRecord[RawFacts]", ...]:
        """Read every stage record there is, in stage order."""
        return tuple(self.read(stage, RawFacts) for stage in STAGES if self.has(stage))

    def add_artifact(self, name: str, content: bytes, title: str, alternative: str = "") -> Artifact:
        """Write a file into the run folder and return its entry for the record."""
        self._write(self.folder / name, content)
        return Artifact(name=name, title=title, alternative=alternative)

    def pictures(self, record: "StageRecord[FactsT]") -> tuple[Figure, ...]:
        """Read the pictures a stage left in the run folder, for showing."""
        return tuple(
            Figure(artifact.title, (self.folder / artifact.name).read_bytes(), artifact.alternative)
            for artifact in record.artifacts
            if artifact.name.endswith(".png")
        )

    def text(self, name: str) -> str:
        """Read a text file a stage left in the run folder; says so when it left none."""
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.is_file() else f"(the stage left no {name})"

    def _write_header(self, header: RunHeader) -> None:
        self._write(self.folder / HEADER_NAME, (header.model_dump_json(indent=2) + "\n").encode())

    def _write(self, path: Path, content: bytes) -> None:
        with refusals_told(f"The run folder cannot be written: {self.folder}.", _WRITABLE):
            atomic.write_bytes(path, content)


def _can_never_be(folder: Path, refusal: OSError) -> bool:
    """Whether no rights and no room would help; a read-only mount may be made writable, so that it is none of these."""
    return refusal.errno in _NO_SUCH_PLACE or filesystem_type(nearest_existing(folder)) in KERNEL_FILESYSTEMS


ModelT = TypeVar("ModelT", bound=BaseModel)


def _read(path: Path, model: type[ModelT]) -> ModelT:
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        remedy = "Start a new run, or give this user the right to read it."
        raise RecordError(f"{path} cannot be read.", why=os.strerror(error.errno or 0), remedy=remedy) from error
    except ValidationError as error:
        raise RecordError(
            f"{path} is not a record of schema version {SCHEMA_VERSION}.",
            why=f"{'.'.join(map(str, error.errors()[0]['loc']))}: {error.errors()[0]['msg']}".removeprefix(": "),
            remedy="Start a new run; records of other versions are not converted.",
        ) from error


def runs_below(home: Path) -> Iterator[Run]:
    """Yield the runs in a folder of runs, the newest first: their names begin with the time."""
    for header in sorted(home.glob(f"*/{HEADER_NAME}"), reverse=True):
        yield Run(header.parent)
