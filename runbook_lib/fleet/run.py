"""The runbook once on every host of an inventory."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib import __version__
from runbook_lib.fleet.campaign import Attempt, Campaign, Limits, Phase, Standing
from runbook_lib.fleet.cluster import quiet_dask
from runbook_lib.fleet.drive import Drive
from runbook_lib.fleet.inventory import Host
from runbook_lib.fleet.kept import open_kept
from runbook_lib.fleet.messages import Order
from runbook_lib.fleet.table import FleetTable, table_of
from runbook_lib.fleet.tls import Address

Watcher = Callable[[FleetTable], None]


@dataclass(frozen=True)
class Asked:
    """What a campaign is to do."""

    hosts: Sequence[Host]
    records: Path
    limits: Limits
    only: str = ""
    """A stage that is run alone; empty: all six."""
    again: bool = False
    """Whether hosts that ended well in this folder run anew, too."""
    stop: threading.Event = field(default_factory=threading.Event)


def run_fleet(address: Address, asked: Asked, watch: Watcher = lambda _table: None) -> FleetTable:
    """Run, and return how every host ended; what went wrong with a host is its row, never an exception.

    Each host's record is written as it arrives. `watch` is given the table a few times a second. Raises `FleetError`
    when the scheduler cannot be used at all, `RecordError` for a folder of records that cannot be read.
    """
    kept = open_kept(asked.records, again=asked.again)
    before = {host.name: ended for host in asked.hosts if (ended := kept.well(host.name)) is not None}
    began_s = time.monotonic()
    todo = [host for host in asked.hosts if host.name not in before]
    campaign = Campaign(todo, asked.limits, kept.id, began_s, kept.write)
    by_name = {host.name: host for host in asked.hosts}
    old = [Standing(by_name[name], Phase.ENDED, ended=ended, kept=True) for name, ended in before.items()]

    def order_of(attempt: Attempt) -> Order:
        left_s = asked.limits.campaign_s - (time.monotonic() - began_s)
        return Order(
            campaign=kept.id,
            host=attempt.host.name,
            attempt=attempt.number,
            version=__version__,
            home=attempt.host.home,
            parameters=attempt.host.parameters,
            only=asked.only,
            limit_s=max(1.0, min(asked.limits.run_s, left_s)),
        )

    def table() -> FleetTable:
        every = {standing.host.name: standing for standing in (*old, *campaign.standings.values())}
        return table_of((every[host.name] for host in asked.hosts), time.monotonic(), drive.words)

    settled: set[str] = set()

    def changed() -> None:
        for name, standing in campaign.standings.items():
            if standing.ended is not None and name not in settled:
                settled.add(name)
                if not standing.ended.pieces:  # else it stands there already, with its records
                    kept.settle(standing, standing.ended)
        watch(table())

    drive = Drive(campaign, order_of, changed, asked.stop)
    with quiet_dask():
        drive.run(address)
    changed()
    return table()
