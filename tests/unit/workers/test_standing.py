"""A worker that is started ahead: whoever may ask it, what it leaves behind, and what is told when it dies."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
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


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with OURS.standing("prepared", tmp_path / "standing"):
        yield tmp_path / "standing"


@pytest.fixture(autouse=True)
def may_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test stands for processes of its own."""
    monkeypatch.setattr(standing_module, "_asked", set())


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


@pytest.mark.usefixtures("folder")
def test_it_answers_nobody_who_would_give_other_variables() -> None:
    standing = pid_of(OURS)
    standing_module._asked.clear()
    other = Interpreter(variables={**VARIABLES, "HF_HUB_CACHE": "/elsewhere"}, may_stand=True)
    assert pid_of(other) != standing
    assert pid_of(Interpreter(variables=VARIABLES)) != standing, "nor who does not ask for it"


@pytest.mark.usefixtures("folder")
def test_a_process_asks_it_once_and_starts_its_own_afterwards() -> None:
    assert pid_of(OURS) != pid_of(OURS)


def test_no_value_of_a_variable_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmnop")
    with OURS.standing("prepared", tmp_path / "standing"):
        assert "hf_abcdefghijklmnop" not in (tmp_path / "standing" / "offer.json").read_text(encoding="utf-8")
        assert (tmp_path / "standing").stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("folder")
def test_its_death_is_told_with_exit_code_and_last_words_and_the_next_question_gets_a_new_one() -> None:
    with OURS.worker() as worker:
        with pytest.raises(WorkerFailed, match="died") as caught:
            worker.run("die", limit_s=30)
        assert "exit code 139" in caught.value.log
        assert "my last words" in caught.value.log
        assert worker.run("prepared", limit_s=30).value["prepared"] == 0


@pytest.mark.usefixtures("folder")
def test_one_that_raised_is_gone() -> None:
    with OURS.worker() as worker:
        pid = worker.run("prepared", limit_s=30).value["pid"]
        with pytest.raises(WorkerFailed):
            worker.run("fail", limit_s=30)
    assert not is_alive(pid)


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
