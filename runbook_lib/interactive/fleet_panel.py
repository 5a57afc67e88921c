"""Many hosts at the press of a button: the table of a campaign, which lives as long as it goes on."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runbook_lib.core.extras import require_extra
from runbook_lib.fleet.campaign import Limits, Standing
from runbook_lib.fleet.certificates import CLIENT
from runbook_lib.fleet.inventory import read_inventory
from runbook_lib.fleet.run import Asked, run_fleet
from runbook_lib.fleet.table import FleetTable, table_of
from runbook_lib.fleet.tls import TlsFiles, address_of
from runbook_lib.interactive.controls import button, enable, fill, in_background, page, row
from runbook_lib.interactive.view import View
from runbook_lib.render.sections import Note, Section

if TYPE_CHECKING:
    from ipywidgets import Box

_DRAWN_EVERY_S: Final = 0.5
"""A table is sent to the browser as a whole, and read by a person."""


class FleetPanel(View):
    """`runbook fleet run` with its table in the notebook; every host is a row, with what keeps it from running.

    Args:
        scheduler: `tls://HOST:PORT`; `tcp://` on loopback alone.
        inventory: The file of the hosts.
        certs: What `runbook fleet certs` wrote.
        records: The folder of what comes back, as for the command: again, only what has not ended well is asked.
        only: A stage that is run alone; empty: all six.
        limits: What bounds it; the command's own when not given.

    Raises `UsageError` when one of the files cannot be used; what becomes of the scheduler is shown.
    """

    def __init__(
        self,
        scheduler: str,
        inventory: str | Path,
        *,
        certs: str | Path | None = None,
        records: str | Path = "fleet",
        only: str = "",
        limits: Limits | None = None,
    ) -> None:
        for package in ("distributed", "cryptography"):
            require_extra("fleet", package, purpose="The table of a fleet")
        self._address = address_of(scheduler, TlsFiles.of_role(Path(certs), CLIENT) if certs else None)
        self._asked = Asked(read_inventory(Path(inventory)), Path(records), limits or Limits(), only)
        self.table = table_of(map(Standing, self._asked.hosts), 0.0)
        """The hosts as they stand."""
        self._drawn_at_s = 0.0

    def sections(self) -> Sequence[Section]:
        """Return the table as it stands."""
        return self.table.sections()

    def build(self) -> "Box":
        """Make the buttons, the table and a place for what went wrong."""
        from ipywidgets import VBox

        self._start = button("Run on every host", "Ask those that have not ended well", self.start, primary=True)
        self._stop = button(
            "Stop", "Stop asking; runs in progress on the hosts continue, and are collected next time", self.stop
        )
        enable((self._stop,), enabled=False)
        self._hosts, self._said = page(*self.sections()), page()
        return VBox((row(self._start, self._stop), self._hosts, self._said))

    def start(self) -> None:
        """Begin in the background, so that the kernel goes on answering."""
        self._asked = replace(self._asked, stop=threading.Event())
        enable((self._start,), enabled=False)
        enable((self._stop,), enabled=True)
        fill(self._said)
        in_background(self._run, self._ended)

    def stop(self) -> None:
        """Let go of the hosts; the panel tells when it has."""
        enable((self._stop,), enabled=False)
        self._asked.stop.set()

    def _run(self) -> None:
        table = run_fleet(self._address, self._asked, self._watch)
        where = f"The records are in {self._asked.records.absolute()}."
        if all(host.is_over for host in table.hosts):
            self._ended(Note("Ended", (where,)))
        else:
            self._ended(
                Note(
                    "Stopped",
                    ("Runs in progress on the hosts continue, and are collected when it is run again.", where),
                )
            )

    def _watch(self, table: FleetTable) -> None:
        self.table = table
        now_s = time.monotonic()
        if now_s - self._drawn_at_s > _DRAWN_EVERY_S:
            self._drawn_at_s = now_s
            fill(self._hosts, *table.sections())

    def _ended(self, *sections: Section) -> None:
        fill(self._hosts, *self.table.sections())
        fill(self._said, *sections)
        enable((self._stop,), enabled=False)
        enable((self._start,), enabled=True)
