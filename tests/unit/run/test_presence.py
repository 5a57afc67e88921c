"""A run that is open in a notebook counts as going on for as long as the kernel lives, and not a moment longer."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_lib.history.index import read_history, record_runs
from runbook_lib.run import presence
from runbook_lib.run.folder import Run
from runbook_lib.run.life import Life, life_of
from runbook_lib.run.presence import MARK, is_open, leave, stay_in

OPEN = """
import sys
from runbook_lib.run.opening import open_run
run = open_run(hub="http://127.0.0.1:9", run_dir=sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""
Opened = Callable[[Path], "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def _left() -> Iterator[None]:
    yield
    leave()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Open a run in a process of its own, as the first cell of each notebook does in its kernel."""
    begun: list[subprocess.Popen[str]] = []

    def call(folder: Path) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", OPEN, str(folder)]
        begun.append(subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert begun[-1].stdout is not None
        assert begun[-1].stdout.readline() == "open\n"
        return begun[-1]

    yield call
    for process in begun:
        process.kill()
        process.communicate()


def state(home: Path) -> str:
    (entry,) = read_history(home).entries
    return entry.state


@pytest.mark.parametrize(
    "end",
    [lambda kernel: kernel.communicate("\n"), lambda kernel: kernel.kill()],
    ids=["it is shut down", "it is killed"],
)
def test_the_history_says_running_until_the_kernel_ends_and_left_from_then_on(
    tmp_path: Path, opened: Opened, end: Callable[["subprocess.Popen[str]"], object]
) -> None:
    home = tmp_path / "runs"
    kernel = opened(home / "r")
    assert record_runs(home).entries[0].state == "running"
    end(kernel)
    kernel.wait(30)
    (entry,) = record_runs(home).entries
    assert (entry.state, entry.status, entry.outcome) == ("left", "skip", "left")
    assert entry.ended_at is not None
    again = opened(home / "r")
    assert record_runs(home).entries[0].state == "running", "another notebook took it up"
    end(again)
    again.wait(30)
    assert record_runs(home).entries[0].state == "left"


def test_a_run_that_several_notebooks_have_open_is_left_with_the_last_of_them(tmp_path: Path, opened: Opened) -> None:
    first, second = opened(tmp_path / "runs" / "r"), opened(tmp_path / "runs" / "r")
    first.communicate("\n", timeout=30)
    assert state(tmp_path / "runs") == "running"
    second.communicate("\n", timeout=30)
    assert state(tmp_path / "runs") == "left"


def test_a_kernel_that_opens_another_run_leaves_the_one_before_and_marks_do_not_gather(tmp_path: Path) -> None:
    one, other = (Run.create(tmp_path / name, {}, {}).folder for name in ("one", "other"))
    for _ in range(3):
        stay_in(one)
        stay_in(one)
        assert is_open(one) is True
        assert life_of(one) is Life.LIVING
        stay_in(other)
        assert (is_open(one), is_open(other)) == (False, True)
        assert life_of(one) is Life.LEFT
    assert len([path for path in one.iterdir() if path.name.startswith(MARK) and path.suffix != ".lock"]) == 1


def test_what_another_machine_left_says_nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.create(tmp_path / "r", {}, {})
    assert is_open(run.folder) is None
    with monkeypatch.context() as there:
        there.setattr(presence, "gethostname", lambda: "elsewhere")
        stay_in(run.folder)
        leave()
    assert is_open(run.folder) is None
    assert life_of(run.folder) is Life.LIVING, "its heartbeat is young"


@pytest.mark.parametrize("other", ["elsewhere", "here-1", "h" * 60 + "2"])
def test_the_mark_of_another_machine_stays_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """Its lock may not reach here; one name may begin like the other, or be as long as a pod's."""
    run = Run.create(tmp_path / "r", {}, {})
    for host in (other, other.removesuffix("-1").removesuffix("2")):
        monkeypatch.setattr(presence, "gethostname", lambda host=host: host)
        stay_in(run.folder)
        leave()
    marks = [path for path in run.folder.iterdir() if path.name.startswith(MARK) and path.suffix != ".lock"]
    assert len(marks) == (1 if other == "elsewhere" else 2)
    assert is_open(run.folder) is (False if other == "elsewhere" else None)


def test_a_mark_that_cannot_be_made_leaves_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.create(tmp_path / "r", {}, {})

    def refuse(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "touch", refuse)
    for _ in range(3):
        stay_in(run.folder)
    assert [path.name for path in run.folder.iterdir() if path.name.startswith(MARK)] == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nobody refuses root a folder")
def test_a_folder_that_cannot_be_written_gets_no_mark(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r", {}, {})
    run.folder.chmod(0o500)
    try:
        stay_in(run.folder)
        assert is_open(run.folder) is None
    finally:
        run.folder.chmod(0o700)
