"""Converging that is killed at any change it makes is completed by the next one."""

import shutil
from pathlib import Path

import pytest

from runbook_lib.desired.look import machine_state
from runbook_lib.desired.state import State
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.lock_file import LOCK_NAME
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.upkeep.lock import write_lock
from tests.faults.conftest import Settings
from tests.faults.killed_acts import Killer
from tests.unit.stages.verify.real_caches import REPO_ID, Install

MOST_CHANGES = 400
EVERY = 15
"""Only every so many changes one is the moment of death: a kill costs a fork and a look."""

pytestmark = pytest.mark.slow


@pytest.mark.enable_socket  # the fork server talks over a socket file
def test_what_a_kill_at_any_change_leaves_is_completed_by_the_next(
    install: Install, practice_hub: PracticeHub, tmp_path: Path
) -> None:
    peer = install("hardlink").run
    lock = peer.cache_dir.parent / LOCK_NAME
    write_lock(peer, lock)
    killer, unfinished = Killer(), 0
    for change in range(1, MOST_CHANGES, EVERY):
        run = fresh(tmp_path / f"killed-{change}", practice_hub, lock)
        if not killer.kill("converge", run, before_change=change):
            break
        unfinished += machine_state(run, lock, by_hash=True).state is not State.IN_STATE
        assert not killer.kill("converge", run, before_change=MOST_CHANGES)
        assert machine_state(run, lock, by_hash=True).state is State.IN_STATE
        assert not leftovers(run)
        shutil.rmtree(run.cache_dir.parent)
    assert unfinished > 3


def fresh(base: Path, hub: PracticeHub, lock: Path) -> OpenRun:
    """A machine that has nothing yet."""
    names = {"cache_dir": "hub", "artifacts_dir": "artifacts", "run_dir": "run"}
    places: Settings = {setting: str(base / name) for setting, name in names.items()}
    return open_run(hub=hub.url, models=REPO_ID, links="hardlink", lock_file=str(lock), **places)


def leftovers(run: OpenRun) -> list[Path]:
    """Contents on their way; of the small files beside them a kill may leave a `.tmp`."""
    found = (*run.cache_dir.rglob("*"), *run.artifacts_dir.rglob("*"))
    return [path for path in found if path.suffix in (".rblink", ".rbcopy") or path.parent.name == "runbook-import"]
