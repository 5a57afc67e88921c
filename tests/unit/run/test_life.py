"""Whether a run lives, ended or died; a clock that jumps decides nothing on this machine."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_lib.run.folder import Run, RunState
from runbook_lib.run.life import Life, Signs, judge_life, life_of
from runbook_lib.run.run_lock import OWNER_NAME, hold_run

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOLD_AND_DIE = """
import os, sys
from pathlib import Path
from runbook_lib.run.run_lock import hold_run
with hold_run(Path(sys.argv[1])):
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize(
    ("state", "age", "held", "owner", "life"),
    [
        ("running", timedelta(0), True, "here", Life.LIVING),
        ("running", timedelta(days=400), True, "here", Life.LIVING),
        ("running", timedelta(days=-400), True, "here", Life.LIVING),
        ("finished", timedelta(0), False, "", Life.ENDED),
        ("failed", timedelta(0), False, "here", Life.ENDED),
        ("running", timedelta(0), False, "here", Life.DIED),
        ("running", timedelta(days=-400), False, "here", Life.DIED),
        ("running", timedelta(minutes=1), False, "elsewhere", Life.LIVING),
        ("running", timedelta(minutes=9), False, "elsewhere", Life.DIED),
        ("running", timedelta(hours=1), False, "", Life.LIVING),
        ("running", timedelta(days=3), False, "", Life.LEFT),
        ("running", None, False, "", Life.LEFT),
        ("postponed", timedelta(0), False, "", Life.ENDED),
    ],
)
def test_lock_owner_and_heartbeat_decide(state: str, age: timedelta | None, held: bool, owner: str, life: Life) -> None:
    signs = Signs(state, None if age is None else NOW - age, held, owner)
    assert judge_life(signs, now=NOW, host="here") is life


@pytest.mark.parametrize(
    ("is_open", "age", "life"),
    [
        (True, timedelta(0), Life.LIVING),
        (True, timedelta(days=400), Life.LIVING),
        (False, timedelta(0), Life.LEFT),
        (False, timedelta(days=-400), Life.LEFT),
        (None, timedelta(hours=1), Life.LIVING),
        (None, timedelta(days=3), Life.LEFT),
    ],
)
def test_a_run_that_no_command_held_lives_as_long_as_a_notebook_has_it_open(
    is_open: bool | None, age: timedelta, life: Life
) -> None:
    assert judge_life(Signs("running", NOW - age, False, "", is_open), now=NOW, host="here") is life
    assert judge_life(Signs("finished", NOW - age, False, "", is_open), now=NOW, host="here") is Life.ENDED
    assert judge_life(Signs("running", NOW - age, False, "here", is_open), now=NOW, host="here") is (
        Life.LIVING if is_open else Life.DIED
    )


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_run_is_living_while_it_is_held_and_died_when_its_holder_was_killed(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r", {}, {})
    with hold_run(run.folder):
        assert life_of(run.folder) is Life.LIVING
    subprocess.run([sys.executable, "-c", HOLD_AND_DIE, str(run.folder)], check=False)
    assert life_of(run.folder) is Life.DIED
    run.update(state=RunState.FAILED)
    assert life_of(run.folder) is Life.ENDED


@pytest.mark.parametrize("content", ["", "[]", "\0", json.dumps({"state": "running"})])
def test_a_folder_that_says_little_is_no_living_run(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    (tmp_path / OWNER_NAME).write_text("{", encoding="utf-8")
    assert life_of(tmp_path) in (Life.ENDED, Life.LEFT)
