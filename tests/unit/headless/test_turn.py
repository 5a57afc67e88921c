"""`--if-running`: scheduled runs in one folder of runs take turns, and what gave way stands in the history."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_lib.errors import DiskError, LockHeld
from runbook_lib.headless import runner
from runbook_lib.headless.turn import IfRunning, NotOurTurn, turn
from runbook_lib.history.index import read_history
from runbook_lib.run.folder import Run
from runbook_lib.run.settings import Settings
from tests.command_line import Ended
from tests.unit.headless.server import listening
from tests.unit.run.test_run_lock import HOLD

QUICK = Settings(download_limit_s=0.001, convert_limit_s=0.001)


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Start a process that works in a run of the folder `runs`."""
    begun: list[subprocess.Popen[str]] = []

    def call() -> "subprocess.Popen[str]":
        run = Run.create(tmp_path / "runs" / "at-work", {}, {})
        command = [sys.executable, "-c", HOLD, str(run.folder)]
        begun.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert begun[-1].stdout is not None
        assert begun[-1].stdout.readline() == "held\n"
        return begun[-1]

    yield call
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def not_our_turn(
    at_work: Callable[[], object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ended: Ended,
) -> Ended:
    """Run the command line where another run is at work in `runs`, and no stage may begin."""
    at_work()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "run_stages", lambda *_: pytest.fail("it began"))
    return ended


def test_the_turn_is_one_s_own_where_nothing_is_at_work(tmp_path: Path) -> None:
    for choice in IfRunning:
        with turn(tmp_path / "runs", choice, Settings(), print):
            pass
    assert read_history(tmp_path / "runs").entries == ()


def test_what_the_run_itself_raises_is_not_taken_for_another_one(tmp_path: Path) -> None:
    with pytest.raises(LockHeld, match="the cache"), turn(tmp_path, IfRunning.SKIP, Settings(), print):
        raise LockHeld("the cache is held")
    assert read_history(tmp_path).entries == ()


def test_two_that_ask_for_the_turn_do_not_have_it_both(tmp_path: Path) -> None:
    with (
        turn(tmp_path, IfRunning.SKIP, Settings(), print),
        pytest.raises(NotOurTurn),
        turn(tmp_path, IfRunning.SKIP, Settings(), print),
    ):
        pytest.fail("two turns at once")
    (entry,) = read_history(tmp_path).entries
    assert entry.state == "skipped"


def test_a_run_that_skips_leaves_a_line_and_ends_well(not_our_turn: Ended, tmp_path: Path) -> None:
    code, out, err = not_our_turn("run", "--if-running", "skip", "--json", "-p", "hub", "http://127.0.0.1:9")
    assert code == 0
    assert json.loads(out)["status"] == "skip"
    assert "This run did not begin: another run was at work: at-work." in err
    assert [entry.state for entry in read_history(tmp_path / "runs").entries] == ["running", "skipped"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir() if path.is_dir()) == ["at-work"]
    assert "at-work" in not_our_turn("history")[1]


def test_a_run_that_gives_way_is_told_to_whom_always_is_told_and_a_wait_in_vain_is_a_failure(
    not_our_turn: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_lib.headless.turn._STAGES_REST_S", 0.0)
    quick = ("-p", "download_limit_s", "0.001", "-p", "convert_limit_s", "0.001", "-p", "hub", "http://127.0.0.1:9")
    with listening() as always, listening() as failures:
        whom = ("--always", always.url, "--on-failure", failures.url, "--on-change", failures.url)
        assert not_our_turn("run", "--if-running", "skip", *whom, *quick)[0] == 0
        assert failures.received == []
        assert (always.json()["status"], always.json()["exit_code"]) == ("skip", 0)
        assert "another run was at work: at-work" in always.json()["verdict"]
        assert not_our_turn("run", "--if-running", "wait", *whom[:4], *quick)[0] == 75
        assert (failures.json()["status"], failures.json()["exit_code"]) == ("fail", 75)


def test_a_run_that_waits_begins_when_the_other_one_has_ended(
    at_work: Callable[[], "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    process = at_work()
    said: list[str] = []

    def end(line: str) -> None:
        said.append(line)
        process.communicate("\n", timeout=30)

    with turn(tmp_path / "runs", IfRunning.WAIT, Settings(), end):
        assert process.returncode == 0
    assert said == ["waiting for the run at-work"]


def test_a_run_that_waits_has_a_limit_and_may_come_back_later(
    at_work: Callable[[], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work()
    monkeypatch.setattr("runbook_lib.headless.turn._STAGES_REST_S", 0.0)
    with pytest.raises(NotOurTurn, match="did not end within") as caught:
        turn(tmp_path / "runs", IfRunning.WAIT, QUICK, print).__enter__()
    assert caught.value.exit_code == 75
    assert isinstance(caught.value, DiskError)
