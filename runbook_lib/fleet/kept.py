"""The folder of a campaign's records: one of its own for every host, and the name by which hosts know the campaign."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from runbook_lib.core import atomic
from runbook_lib.core.value import StrictValue
from runbook_lib.errors import FleetError, RecordError
from runbook_lib.fleet.campaign import Standing
from runbook_lib.fleet.messages import Ended, unpacked
from runbook_lib.fleet.record import HOST_RECORD_NAME, HostRecord, read_host_record, remembered
from runbook_lib.history.entry import HistoryEntry
from runbook_lib.run.check import Status
from runbook_lib.run.folder import HEADER_NAME, STAGES, RunHeader, stage_file_stem
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.system.filesystem import describe_os_error

CAMPAIGN_NAME: Final = "campaign.json"
_STAGE_FILES: Final = tuple(f"{stage_file_stem(stage)}.json" for stage in STAGES)


class CampaignFile(StrictValue):
    """What makes a rerun one: it asks the hosts for the same runs."""

    schema_version: Literal[1] = 1
    id: str
    began_at: datetime


@dataclass(frozen=True)
class Kept:
    """A campaign's folder."""

    folder: Path
    id: str

    def write(self, standing: Standing, ended: Ended) -> str:
        """Write what came from a host, whole or not at all; returns what is wrong with it, empty for nothing."""
        try:
            documents = unpacked(standing.pieces, ended) if ended.pieces else {}
            _require_records(documents)
        except FleetError as error:
            return " ".join(error.lines())
        for name, text in documents.items():
            atomic.write_text(self.folder / standing.host.name / name, text)
        self.settle(standing, ended)
        return ""

    def settle(self, standing: Standing, ended: Ended) -> None:
        """Write how a host ended."""
        folder = self.folder / standing.host.name
        record = _record(standing.host.name, ended, self.id, remembered(folder) if ended.pieces else None)
        atomic.write_text(folder / HOST_RECORD_NAME, record.model_dump_json(indent=2) + "\n")

    def well(self, host: str) -> Ended | None:
        """Return how a host ended in this campaign before, if it ended well and its records are here."""
        try:
            record = read_host_record(self.folder / host / HOST_RECORD_NAME)
        except RecordError:
            return None
        if record.campaign != self.id or record.status is Status.FAIL:
            return None
        return Ended(
            status="warn" if record.status is Status.WARN else "ok",
            why=record.why,
            reason=record.reason,
            exit_code=record.exit_code,
            began_at=record.started_at.timestamp() if record.started_at else 0.0,
            ended_at=record.ended_at.timestamp() if record.ended_at else 0.0,
        )


def open_kept(folder: Path, *, again: bool) -> Kept:
    """Open a campaign's folder, or begin one there; `again` begins a new campaign in an old folder.

    Raises `RecordError` for a folder whose campaign cannot be read.
    """
    path = folder / CAMPAIGN_NAME
    if path.exists() and not again:
        try:
            return Kept(folder, CampaignFile.model_validate_json(path.read_bytes()).id)
        except (OSError, ValidationError) as error:
            why = describe_os_error(error) if isinstance(error, OSError) else "It does not hold what it should."
            raise RecordError(f"{path} cannot be read.", why=why, remedy="Name another folder.") from error
    now = datetime.now(UTC)
    begun = CampaignFile(id=f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}", began_at=now)
    atomic.write_text(path, begun.model_dump_json(indent=2) + "\n")
    return Kept(folder, begun.id)


def _require_records(documents: Mapping[str, str]) -> None:
    """Refuse what is no record of ours: it comes from another machine, and is read by whoever looks at this folder."""
    for name, text in documents.items():
        try:
            if name == HEADER_NAME:
                RunHeader.model_validate_json(text)
            elif name in _STAGE_FILES:
                StageRecord[RawFacts].model_validate_json(text)
            else:
                raise FleetError(f"It sent a file that is not a record: {name[:40]!r}.")
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise FleetError(f"It sent a {name} that cannot be read.", why=str(first["msg"])) from error


def _record(host: str, ended: Ended, campaign: str, run: HistoryEntry | None) -> HostRecord:
    return HostRecord(
        campaign=campaign,
        host=host,
        run_id=ended.run_id,
        status=Status(ended.status),
        why=ended.why,
        reason=ended.reason,
        started_at=datetime.fromtimestamp(ended.began_at, UTC) if ended.began_at else None,
        ended_at=datetime.fromtimestamp(ended.ended_at, UTC) if ended.ended_at else None,
        versions=ended.versions,
        exit_code=ended.exit_code,
        record=ended.run_dir,
        run=run,
    )
