"""A worker that is started ahead: whoever may ask it, what it leaves behind, and what is told when it dies."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from runbook_lib.workers import standing as standing_module
from runbook_lib.workers.failure import WorkerFailed
from runbook_lib.workers.host import Interpreter
from runbook_lib.workers.standing import STANDING_VARIABLE

pytestmark = [
    pytest.mark.usefixtures("own_verbs"),
    pytest.mark.skipif(sys.platform != "linux", reason="named pipes and a safe fork"),
]

VARIABLES = {"HF_HUB_OFFLINE": "1"}
OURS = Interpreter(variables=VARIABLES, may_stand=True)


@pytest.fixture(autouse=True)
def attached(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test stands for a process of its own, whose pipes are closed when it ends."""
    processes: dict[str, standing_module._AttachedProcess] = {}
    monkeypatch.setattr(standing_module, "_attached", processes)
    yield
    for process in processes.values():
        process._requests.close()


@contextmanager
def standing(folder: Path) -> Iterator[int]:
    """Keep a worker ready, started in the test itself: pytest has another variable while it sets up."""
    with OURS.standing("prepared", folder / "standing"):
        yield json.loads((folder / "standing" / "offer.json").read_text(encoding="utf-8"))["pid"]


def pid_of(interpreter: Interpreter) -> int:
    return int(interpreter.run("prepared", {}, limit_s=30).value["pid"])


def in_another_process(**variables: str) -> int:
    """Ask as the kernel of a stage does."""
    code = f"from tests.unit.workers.test_standing import ask; ask({os.environ['OWN_WORKERS']!r})"
    told = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, stdout=subprocess.PIPE, check=True, timeout=60
    )
    return int(told.stdout)


def ask(workers: str) -> None:
    from runbook_lib.workers import host

    host.WORKERS = Path(workers)
    sys.stdout.write(str(pid_of(OURS)))


@pytest.fixture
def workers(own_workers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_WORKERS", str(own_workers))
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


@pytest.mark.usefixtures("workers")
def test_one_process_answers_one_stage_after_the_other_and_has_prepared_itself_once(tmp_path: Path) -> None:
    with OURS.standing("prepared", tmp_path / "standing"):
        first, second = in_another_process(), in_another_process(JPY_PARENT_PID="1", HF_ENDPOINT="http://127.0.0.1:1")
        answer = OURS.run("prepared", {}, limit_s=30).value
        assert first == second == answer["pid"]
        assert answer["prepared"] == 1
    assert not psutil.pid_exists(first)
    assert STANDING_VARIABLE not in os.environ


def test_it_answers_nobody_who_would_give_other_variables(tmp_path: Path) -> None:
    other = Interpreter(variables={**VARIABLES, "HF_HUB_CACHE": "/elsewhere"}, may_stand=True)
    with standing(tmp_path) as pid:
        assert pid_of(other) != pid
        assert pid_of(Interpreter(variables=VARIABLES)) != pid, "nor who does not ask for it"
        assert pid_of(OURS) == pid


def test_a_process_asks_it_again_and_again_but_not_twice_at_once(tmp_path: Path) -> None:
    with standing(tmp_path) as pid:
        assert pid_of(OURS) == pid_of(OURS) == pid
        with OURS.worker() as worker:
            assert worker.run("prepared", {}, limit_s=30).value["pid"] == pid
            assert pid_of(OURS) != pid
        assert pid_of(OURS) == pid


def test_no_value_of_a_variable_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmnop")
    with OURS.standing("prepared", tmp_path / "standing"):
        assert "hf_abcdefghijklmnop" not in (tmp_path / "standing" / "offer.json").read_text(encoding="utf-8")
        assert (tmp_path / "standing").stat().st_mode & 0o077 == 0


def test_its_death_is_told_with_exit_code_and_last_words_and_the_next_question_gets_a_new_one(tmp_path: Path) -> None:
    with standing(tmp_path) as pid, OURS.worker() as worker:
        assert worker.run("prepared", limit_s=30).value["pid"] == pid
        with pytest.raises(WorkerFailed, match="died") as caught:
            worker.run("die", limit_s=30)
        assert "exit code 139" in caught.value.log
        assert "my last words" in caught.value.log
        assert worker.run("prepared", limit_s=30).value["prepared"] == 0


def test_one_that_raised_is_gone(tmp_path: Path) -> None:
    with standing(tmp_path) as pid:
        with OURS.worker() as worker:
            assert worker.run("prepared", limit_s=30).value["pid"] == pid
            with pytest.raises(WorkerFailed):
                worker.run("fail", limit_s=30)
        assert not is_alive(pid)
        assert pid_of(OURS) != pid


def test_it_ends_when_whoever_started_it_was_killed(own_workers: Path, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from runbook_lib.workers import host\n"
        f"host.WORKERS = Path({str(own_workers)!r})\n"
        f"with host.Interpreter().standing('prepared', Path({str(tmp_path / 'standing')!r})):\n"
        "    print('ready', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"ready\n"
        [child] = psutil.Process(starter.pid).children()
        starter.kill()
    gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone


def is_alive(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return psutil.pid_exists(pid)
