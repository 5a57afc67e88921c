"""The table of a fleet in a notebook; tests/faults/test_fleet.py drives a real campaign by it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.fleet.campaign import Limits
from runbook_lib.fleet.run import Asked, Watcher
from runbook_lib.fleet.table import FleetTable, HostRow
from runbook_lib.fleet.tls import Address
from runbook_lib.interactive import fleet_panel
from runbook_lib.interactive.fleet_panel import FleetPanel


def row(host: str, status: str, why: str, reason: str) -> HostRow:
    return HostRow(host=host, status=status, stage="", took_s=0.0, kept=False, why=why, reason=reason)


ROWS = (
    row("alpha", "ok", "run", "A document converts."),
    row("gone", "fail", "missing", "No worker of this host was there in 60 s."),
    row("sleeper", "asleep", "", ""),
    row("full", "fail", "disk", "There is no room in <home>."),
)


@pytest.fixture
def panel(tmp_path: Path) -> FleetPanel:
    inventory = tmp_path / "hosts.toml"
    inventory.write_text("".join(f"[hosts.{one.host}]\n" for one in ROWS), encoding="utf-8")
    return FleetPanel("tcp://127.0.0.1:9", inventory, records=tmp_path / "fleet", limits=Limits(appear_s=1.0))


def test_every_host_of_the_inventory_is_a_row_before_anything_is_asked(
    panel: FleetPanel, hands: Callable[[Any], Any]
) -> None:
    assert "waiting alpha" in hands(panel).words()
    assert "0 of 4 have ended: 4 waiting." in str(panel)


def test_what_keeps_a_host_from_running_is_its_row_and_a_stop_says_what_goes_on(
    panel: FleetPanel, hands: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def campaign(_address: Address, asked: Asked, watch: Watcher) -> FleetTable:
        table = FleetTable(hosts=ROWS)
        watch(table)
        watch(table)
        asked.stop.wait(30)
        return table

    monkeypatch.setattr(fleet_panel, "run_fleet", campaign)
    person = hands(panel)
    person.press("Run on every host")
    person.await_words("fail gone missing: No worker of this host was there in 60 s.")
    assert "asleep sleeper" in person.words()
    assert "fail full disk: There is no room in <home>." in person.words()
    assert person.button("Run on every host").disabled
    person.press("Stop")
    person.await_words("Runs in progress on the hosts continue, and are collected when it is run again.")
    assert not person.button("Run on every host").disabled


def test_a_scheduler_that_is_not_there_is_said_in_the_panel(panel: FleetPanel, hands: Callable[[Any], Any]) -> None:
    person = hands(panel)
    person.press("Run on every host")
    person.await_words("tcp://127.0.0.1:9")
    assert not person.button("Run on every host").disabled
