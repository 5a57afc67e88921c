"""Runs that cannot say how they ended: the heart stops, the next run says so."""

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from runbook_lib.headless.died import said_of, settle_died
from runbook_lib.headless.heartbeat import beating
from runbook_lib.history.index import read_history, record_runs
from runbook_lib.run.folder import Run, RunState
from runbook_lib.run.run_lock import OWNER_NAME
from tests.unit.headless.started_runs import MOMENTS, Started
from tests.unit.headless.written_notebooks import WriteNotebook

SLEEP = "import time\nfrom pathlib import Path\nPath(run_dir, 'busy').touch()\ntime.sleep(600)"


def test_the_heart_beats_while_a_stage_works_and_not_after(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r", {}, {})
    first = run.header().heartbeat_at
    with beating(run, every_s=0.02):
        deadline = time.monotonic() + 30
        while run.header().heartbeat_at == first:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    last = run.header().heartbeat_at
    time.sleep(0.1)
    assert run.header().heartbeat_at == last
    assert run.header().state is RunState.RUNNING


def test_a_restart_of_the_machine_is_told_from_a_kill() -> None:
    beat = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
    later, earlier = datetime(2026, 3, 1, 3, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    assert said_of(beat, later).startswith("the machine was restarted while it ran")
    assert said_of(beat, earlier).startswith("its process ended without a word")
    assert said_of(beat, later).endswith("its last sign of life was at 2026-03-01 02:30:00 UTC")


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.xdist_group("signals")
def test_a_run_that_is_killed_is_told_by_its_history_and_settled_by_the_next(
    start_run: Callable[..., Started], write_notebook: WriteNotebook
) -> None:
    run = start_run(SLEEP)
    run.wait_for(lambda: MOMENTS["a cell runs"](run))
    home = run.folder.parent
    assert read_history(home).entries[0].state == "running"
    assert settle_died(home) == (), "it lives"
    run.process.kill()
    run.process.communicate(timeout=60)
    assert run.left()[1] == [], "its kernel goes with it"
    (entry,) = record_runs(home).entries
    assert entry.state == "died"
    before = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))

    assert settle_died(home) == (run.folder,)
    header = Run(run.folder).header()
    assert header.state is RunState.INTERRUPTED
    assert header.problem.startswith("its process ended without a word")
    assert header.heartbeat_at == datetime.fromisoformat(before["heartbeat_at"])
    assert not (run.folder / OWNER_NAME).exists()
    executed = nbformat.read(run.folder / "05_convert.ipynb", as_version=4)
    assert "It was interrupted: its process ended without a word" in executed.cells[0].source
    assert executed.metadata.papermill.exception is True
    assert "completed" not in {cell.metadata.papermill.status for cell in executed.cells[3:]}
    assert settle_died(home) == ()
    assert [one.state for one in record_runs(home).entries] == ["interrupted"]
