"""What is kept of a repair in the folder of its run, so that a report can tell of it."""

from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from runbook_lib.core import atomic
from runbook_lib.core.value import StrictValue
from runbook_lib.run.check import SCHEMA_VERSION, Status
from runbook_lib.run.folder import Run
from runbook_lib.system.filesystem import refusals_told
from runbook_lib.upkeep.repair.facts import RepairResult

_NAMES: Final = "repair-{:%Y%m%dT%H%M%S.%f}Z.json"
_PATTERN: Final = "repair-*.json"


class RepairNote(StrictValue):
    """A repair: when it was, how it ended, and in a few words what it did."""

    schema_version: int = SCHEMA_VERSION
    began_at: datetime
    elapsed_s: float
    status: Status
    said: str
    moved: tuple[str, ...] = ()
    """The names that were moved aside."""
    fetched_bytes: int = 0


def note_repair(run: Run, result: RepairResult, began_at: datetime, elapsed_s: float) -> Path:
    """Write what a repair did into the folder of the run."""
    note = RepairNote(
        began_at=began_at,
        elapsed_s=elapsed_s,
        status=result.status,
        said=result.said(),
        moved=tuple(str(move.source) for move in result.moved),
        fetched_bytes=result.fetched_bytes,
    )
    path = run.folder / _NAMES.format(began_at)
    with refusals_told(f"What was repaired cannot be noted: {path}.", "Free space; the repair itself is done."):
        atomic.write_text(path, note.model_dump_json(indent=2) + "\n")
    return path


def repairs_of(run: Run) -> tuple[RepairNote, ...]:
    """Return the repairs of a run in their order; what cannot be read is left out, as no verdict rests on it."""
    found = []
    for path in sorted(run.folder.glob(_PATTERN)):
        try:
            found.append(RepairNote.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError):
            continue
    return tuple(found)
