"""One writer at a time in a run folder."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_lib.errors import LockHeld, RunBusy
from runbook_lib.run.opening import open_run
from runbook_lib.run.run_lock import hold_run, require_free
from runbook_lib.run.started_stage import StartedStage

HOLD = """
import sys
from pathlib import Path
from runbook_lib.run.run_lock import hold_run
with hold_run(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""
ASK = (
    "import sys; from pathlib import Path; from runbook_lib.run.run_lock import require_free as f; f(Path(sys.argv[1]))"
)

Holder = Callable[[Path], "subprocess.Popen[str]"]


@pytest.fixture
def holder() -> Iterator[Holder]:
    """Start a process that holds a run folder."""
    begun: list[subprocess.Popen[str]] = []

    def call(folder: Path) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield call
    for process in begun:
        process.kill()
        process.communicate()


def test_a_folder_is_held_and_let_go(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_run(tmp_path):
            require_free(tmp_path)  # a stage of the same process
    require_free(tmp_path)


def test_the_second_is_told_who_holds_it_and_may_try_later(tmp_path: Path, holder: Holder) -> None:
    process = holder(tmp_path)
    with pytest.raises(RunBusy) as caught, hold_run(tmp_path):
        pytest.fail("two writers in one run")
    assert f"process {process.pid} on " in caught.value.why
    assert str(tmp_path) in caught.value.what
    assert (caught.value.exit_code, isinstance(caught.value, LockHeld)) == (75, True)
    with pytest.raises(RunBusy):
        require_free(tmp_path)


def test_a_holder_that_is_killed_holds_nothing(tmp_path: Path, holder: Holder) -> None:
    process = holder(tmp_path)
    process.kill()
    process.communicate()
    with hold_run(tmp_path):
        owner = json.loads((tmp_path / ".run.owner.json").read_text(encoding="utf-8"))
    assert owner["pid"] == os.getpid()


def test_a_stage_that_works_for_the_holder_goes_on(tmp_path: Path) -> None:
    with hold_run(tmp_path):
        done = subprocess.run([sys.executable, "-c", ASK, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stage_in_a_notebook_does_not_write_into_a_run_that_is_held(in_tmp_path: Path, holder: Holder) -> None:
    run = open_run(run_dir=str(in_tmp_path / "run"), hub="http://127.0.0.1:9")
    holder(run.folder)
    with pytest.raises(RunBusy):
        StartedStage(run, "detect")


def test_an_error_of_the_holder_itself_is_passed_on(tmp_path: Path, holder: Holder) -> None:
    other = tmp_path / "second folder"
    other.mkdir()
    holder(other)
    with pytest.raises(RunBusy, match="second folder"), hold_run(tmp_path), hold_run(other):
        pytest.fail("never here")


def test_a_command_on_a_held_run_ends_with_75_and_changes_nothing(in_tmp_path: Path, holder: Holder) -> None:
    run = open_run(run_dir=str(in_tmp_path / "run"), hub="http://127.0.0.1:9")
    holder(run.folder)
    before = (run.folder / "run.json").read_bytes()
    words = ["run", "--run-dir", str(run.folder), "--only", "detect", "-p", "convert_limit_s", "99"]
    done = subprocess.run([sys.executable, "-m", "runbook_lib", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (75, "")
    assert "error: Something else is working in the run folder" in done.stderr
    assert (run.folder / "run.json").read_bytes() == before
