"""What the records of a fleet come to."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from runbook_lib.core.value import Masked, Value
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes, format_seconds

EXAMPLES = 20
"""How many hosts are named where many are counted."""


class Outcome(Value):
    """Hosts that ended alike."""

    status: str
    why: str
    hosts: int
    reason: Masked
    """Of one of them."""


class Exposure(Value):
    """A known failure that hosts are exposed to, and the versions that make it so."""

    quirk: str
    title: str
    severity: str
    because: str
    hosts: int
    examples: tuple[str, ...]


class Upgrade(Value):
    """What would change if a package were brought to another version wherever it is installed."""

    package: str
    version: str
    hosts: int
    """That have the package, in another version."""
    gained: tuple[Exposure, ...]
    lost: tuple[Exposure, ...]


class VersionCount(Value):
    """How many hosts have a version."""

    package: str
    version: str
    hosts: int


class RevisionCount(Value):
    """How many hosts have a model at a commit."""

    model: str
    commit: str
    hosts: int


class CheckCount(Value):
    """How many hosts fail a check."""

    check: str
    hosts: int


class Disk(Value):
    """What cache and artifacts folders take, contents that both share counted once."""

    measured_hosts: int
    total_bytes: int
    median_bytes: int
    largest_bytes: int
    least_free_bytes: int | None


class Change(Value):
    """What has changed since last time, on so many hosts."""

    kind: Literal["status", "version", "revision", "host"]
    name: str
    before: str
    after: str
    hosts: int


class Changes(Value):
    """The newest record of each host beside the one before."""

    compared_hosts: int
    disk_bytes: int
    """Growth of what is taken, over hosts that were measured both times."""
    rows: tuple[Change, ...]


class HostRow(Value):
    """One host."""

    host: str
    status: str
    why: str
    reason: Masked
    platform: str
    versions: dict[str, str]
    """Of the packages on which exposure depends, and of docling, the runbook and Python."""
    disk_bytes: int | None
    free_bytes: int | None
    ended_at: datetime | None
    quirks: tuple[str, ...]


class FleetReport(Rendered, Value):
    """The report; docs/fleet-report.md describes the JSON."""

    schema_version: Literal[1] = 1
    made_at: datetime
    records: int
    unreadable: int
    hosts: int
    outcomes: tuple[Outcome, ...]
    exposures: tuple[Exposure, ...]
    upgrades: tuple[Upgrade, ...]
    versions: tuple[VersionCount, ...]
    revisions: tuple[RevisionCount, ...]
    failing: tuple[CheckCount, ...]
    disk: Disk
    changes: Changes | None
    """None where there is nothing to compare with."""
    rows: tuple[HostRow, ...]
    """The worst first, as many as were asked for."""
    elapsed_s: float

    def brief(self) -> Sequence[Section]:
        """Return everything but the hosts one by one."""
        return tuple(self._answers())

    def sections(self) -> Sequence[Section]:
        """Return everything, the hosts last."""
        hosts = tuple((row.status, row.host, row.why, row.reason, ", ".join(row.quirks)) for row in self.rows)
        return (*self._answers(), Table("Hosts", ("status", "host", "why", "reason", "exposed to"), hosts))

    def verdict(self) -> str:
        """Return the sum in one sentence."""
        well = sum(outcome.hosts for outcome in self.outcomes if outcome.status in ("ok", "warn"))
        broken = f"; {self.unreadable} records cannot be read" if self.unreadable else ""
        return f"{well} of {self.hosts} hosts ended well, by {self.records} records{broken}."

    def disk_words(self) -> str:
        """Return what the fleet takes on disk, in one sentence."""
        disk = self.disk
        if not disk.measured_hosts:
            return "No host was measured."
        free = "" if disk.least_free_bytes is None else f"; the fullest has {format_bytes(disk.least_free_bytes)} free"
        return (
            f"{format_bytes(disk.total_bytes)} on {disk.measured_hosts} hosts: {format_bytes(disk.median_bytes)} on the"
            f" median one, {format_bytes(disk.largest_bytes)} on the largest{free}."
        )

    def _answers(self) -> Iterator[Section]:
        yield Note("Fleet", (self.verdict(), f"Took {format_seconds(self.elapsed_s)}."))
        rows = tuple((one.status, str(one.hosts), one.why, one.reason) for one in self.outcomes)
        yield Table("How it ended", ("status", "hosts", "why", "reason of one"), rows)
        yield _exposed("Exposed to", self.exposures)
        for upgrade in self.upgrades:
            what = f"With {upgrade.package} {upgrade.version}, on {upgrade.hosts} hosts"
            yield _exposed(f"{what}: new", upgrade.gained)
            yield _exposed(f"{what}: gone", upgrade.lost)
        yield Table("Failing checks", ("check", "hosts"), tuple((one.check, str(one.hosts)) for one in self.failing))
        yield Note("On disk", (self.disk_words(),))
        if self.changes:
            grown = format_bytes(self.changes.disk_bytes)
            yield Note("Since last time", (f"{self.changes.compared_hosts} hosts compared; disk {grown} more.",))
            changed = tuple((str(one.hosts), one.kind, one.name, one.before, one.after) for one in self.changes.rows)
            yield Table("What changed", ("hosts", "what", "name", "before", "now"), changed)


def _exposed(title: str, exposures: Sequence[Exposure]) -> Table:
    rows = tuple(
        (one.severity, str(one.hosts), one.quirk, one.because, ", ".join(one.examples[:3])) for one in exposures
    )
    return Table(title, ("severity", "hosts", "known as", "because of", "such as"), rows, empty="no known failure")
