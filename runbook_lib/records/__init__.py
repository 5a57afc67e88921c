"""What a run leaves on disk: checks, stage records and the run folder."""

from runbook_lib.records.run import Run, RunHeader, RunState
from runbook_lib.records.stage_record import Facts, RawFacts, StageRecord
from runbook_lib.records.values import SCHEMA_VERSION, Artifact, Change, Check, Status, worst

__all__ = [
    "SCHEMA_VERSION",
    "Artifact",
    "Change",
    "Check",
    "Facts",
    "RawFacts",
    "Run",
    "RunHeader",
    "RunState",
    "StageRecord",
    "Status",
    "worst",
]
