"""The frame of every stage: when it began, and the record it ends with."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from runbook_lib.run.check import Artifact, Change, Check
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import Facts, StageRecord
from runbook_lib.run.run_lock import require_free

_log = logging.getLogger(__name__)

FactsT = TypeVar("FactsT", bound=Facts)


@dataclass(frozen=True)
class StartedStage:
    """A stage that is under way."""

    run: OpenRun
    stage: str
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _clock: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        """Raise `RunBusy` when another command is at work in this run."""
        require_free(self.run.folder)

    def finish(
        self,
        facts: FactsT,
        checks: Iterable[Check],
        *,
        changes: Iterable[Change] = (),
        artifacts: Iterable[Artifact] = (),
    ) -> StageRecord[FactsT]:
        """Write the record into the run folder and return it."""
        record = StageRecord[FactsT](
            practice=self.run.practice,
            stage=self.stage,
            started_at=self.started_at,
            elapsed_s=round(time.perf_counter() - self._clock, 3),
            inputs=self.run.settings.model_dump(mode="json", exclude_defaults=True),
            facts=facts,
            checks=tuple(checks),
            changes=tuple(changes),
            artifacts=tuple(artifacts),
        )
        _log.info("stage %s: %s after %.1f s", self.stage, record.status, record.elapsed_s)
        for check in record.failed():
            _log.warning("check %s failed: %s: %s", check.id, check.title, check.evidence)
        return self.run.save(record)
