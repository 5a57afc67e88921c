"""What a fleet's campaign looks like: one row a host."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from runbook_lib.core.value import StrictValue
from runbook_lib.fleet.campaign import Phase, Standing
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_seconds
from runbook_lib.run.folder import STAGES

_COLUMNS = ("status", "host", "stage", "took", "what")


class HostRow(StrictValue):
    """A host as it stands at one moment."""

    host: str
    status: str
    """`ok`, `warn` or `fail` once it has ended, else `waiting`, `running` or `asleep`."""
    stage: str
    took_s: float
    kept: bool
    """Whether it ended well in an earlier campaign in this folder, and was not asked."""
    why: str
    """`run` when the run itself says how it ended, else what kept the host from it; empty before it ended."""
    reason: str

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return bool(self.why)

    @property
    def is_well(self) -> bool:
        """Whether it has ended well."""
        return self.status in ("ok", "warn")

    def cells(self) -> tuple[str, ...]:
        """Return the row for a table."""
        why = "" if self.why in ("", "run") else f"{self.why}: "
        told = f"{'kept from before; ' if self.kept else ''}{why}{' '.join(self.reason.split())}"
        return (self.status, self.host, self.stage, format_seconds(self.took_s) if self.took_s > 0 else "", told)


class FleetTable(Rendered, StrictValue):
    """The hosts as they stand at one moment."""

    schema_version: Literal[1] = 1
    hosts: tuple[HostRow, ...]
    words: str = ""
    """What is between us and the hosts, such as that the scheduler is away."""

    def sections(self) -> Sequence[Section]:
        """Return every host, then how many of which kind there are."""
        return self._sections(self.hosts)

    def brief(self) -> Sequence[Section]:
        """Return the same without the hosts that ended well."""
        return self._sections(tuple(row for row in self.hosts if row.status != "ok"))

    def _sections(self, rows: Sequence[HostRow]) -> Sequence[Section]:
        counts = Counter(row.status for row in self.hosts)
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        ended = sum(row.is_over for row in self.hosts)
        lines = (f"{ended} of {len(self.hosts)} have ended: {told}.", *filter(None, (self.words,)))
        table = (Table("Hosts", _COLUMNS, tuple(row.cells() for row in rows)),) if rows else ()
        return (*table, Note("Fleet", lines))


def table_of(standings: Iterable[Standing], now_s: float, words: str = "") -> FleetTable:
    """Return the table of this moment."""
    return FleetTable(hosts=tuple(_row(standing, now_s) for standing in standings), words=words)


def _row(standing: Standing, now_s: float) -> HostRow:
    ended, running = standing.ended, standing.phase is Phase.RUNNING
    done = f"{len(standing.stages)} of {len(STAGES)}" if running and standing.stages else ""
    took_s = now_s - standing.began_s if running else ended.ended_at - ended.began_at if ended else 0.0
    return HostRow(
        host=standing.host.name,
        status=ended.status if ended else "asleep" if standing.asleep else standing.phase.value,
        stage=standing.stage if running and standing.stage else done,
        took_s=round(took_s, 1),
        kept=standing.kept,
        why=ended.why if ended else "",
        reason=ended.reason if ended else standing.said,
    )
