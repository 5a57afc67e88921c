"""How the runbook ended on one host: what a fleet's campaign writes, and what a fleet's report reads."""

from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from runbook_lib.core.value import Masked, StrictValue
from runbook_lib.errors import RecordError
from runbook_lib.history.digest import digest
from runbook_lib.history.entry import HistoryEntry
from runbook_lib.run.check import Status
from runbook_lib.system.filesystem import describe_os_error

HOST_RECORD_NAME: Final = "host.json"


class HostRecord(StrictValue):
    """The file `host.json`; beside it stand `run.json` and the records of the stages, if there was a run."""

    schema_version: Literal[1] = 1
    campaign: str
    """Which campaign asked; a rerun of it leaves alone what ended well."""
    host: str
    """The host's name in the inventory."""
    run_id: str = ""
    """The name of the run's folder on the host; empty when there was none."""
    status: Status
    why: str
    """`run` when the run itself says so, else what kept the host from it: docs/fleet.md lists the words."""
    reason: Masked
    """The same in words."""
    started_at: datetime | None = None
    """By the host's clock; None when it never began."""
    ended_at: datetime | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    """What is installed there, by distribution, and `python`."""
    exit_code: int | None = None
    """Of `runbook run`; None when it was not started or did not come to its end."""
    record: str = ""
    """The run's folder on the host; empty when there was none."""
    run: HistoryEntry | None = None
    """What `remembered` of the run: with it a report opens one file a host; without it, seven."""


def remembered(folder: Path) -> HistoryEntry | None:
    """Return what a host's record keeps of the run in a folder: its line of the history, of the checks those not well.

    None when the folder holds no run that can be read.
    """
    entry = digest(folder)
    if entry is None:
        return None
    checks = tuple(check for check in entry.checks if check.status in (Status.WARN, Status.FAIL))
    return HistoryEntry.model_validate({**dict(entry), "checks": checks})


def read_host_record(path: Path) -> HostRecord:
    """Read a host's record; raises `RecordError` when it is missing, damaged or of another schema version."""
    try:
        return HostRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path} cannot be read.", why=describe_os_error(error), remedy=_REMEDY) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordError(f"{path} is not a host's record.", why=f"{where}: {first['msg']}", remedy=_REMEDY) from error


_REMEDY: Final = "runbook fleet run writes it again: name the same --records folder."
