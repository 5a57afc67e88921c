"""Shows what every terminal of the tests is given: a program of its own, and what it shows."""

from collections.abc import Sequence
from datetime import UTC, datetime

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section
from runbook_lib.run.check import Check, Status
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.terminal.screen import show

RECORD = StageRecord[RawFacts](
    stage="verify",
    started_at=datetime(2025, 1, 2, tzinfo=UTC),
    elapsed_s=1.5,
    facts=RawFacts(),
    checks=(
        Check(id="python", title="Python is one docling takes", status=Status.OK, evidence="3.11.9"),
        Check(
            id="intact",
            title="every file is intact",
            status=Status.FAIL,
            evidence="model.safetensors differs from what the Hub published: 171 MB on disk, 171 MB published, "
            "another hash",
            remedy="Move the file aside and fetch it again.",
            quirk="cache-corrupt",
            fixed_by=FixedBy.REPAIR,
        ),
        Check(
            id="once",
            title="every content stands on disk once",
            status=Status.WARN,
            evidence="54.6 MB, 27.2 MB with hard links",
        ),
    ),
)


class Whole(Rendered):
    """A record and what to do next."""

    def sections(self) -> Sequence[Section]:
        """Return both; of the record what needs a hand."""
        command = "runbook run --run-dir /srv/models/runs/20261127T144732.147184Z-some-machine --resume"
        return (*RECORD.brief()[:-1], Note("Next", (f"go on after fixing: {command}",)))


SHOWN = Whole()

if __name__ == "__main__":
    show(SHOWN)
