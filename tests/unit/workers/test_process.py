"""How the processes of workers begin and end: at a limit, on request, by a failure, with their parent."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from runbook_lib.errors import DeadlineExceeded, RunbookError
from runbook_lib.workers import host as worker
from runbook_lib.workers.failure import Cancelled, WorkerFailed
from runbook_lib.workers.host import Interpreter
from tests.unit.workers.worker_verbs import listen, run

HANG_LIMIT_S = 15.0 if os.name == "nt" else 5.0
"""Long enough for two interpreters to start on a busy machine; under Wine each takes a second or more."""

pytestmark = pytest.mark.usefixtures("own_verbs")


def wait_for_end(pid: int) -> bool:
    try:
        psutil.Process(pid).wait(timeout=5)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def test_a_hanging_worker_is_ended_at_the_limit_with_its_children() -> None:
    children: list[int] = []
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        listen("hang", lambda event: children.append(event["child"]), limit_s=HANG_LIMIT_S)
    assert time.monotonic() - started < HANG_LIMIT_S + 12
    assert (caught.value.step, caught.value.limit_s, caught.value.why) == ("hang", HANG_LIMIT_S, "I am waiting")
    assert len(children) == 1
    assert wait_for_end(children[0])


def test_a_worker_is_stopped_on_request_with_its_children() -> None:
    cancel, children = threading.Event(), list[int]()

    def started(event: Any) -> None:
        children.append(event["child"])
        cancel.set()

    with pytest.raises(Cancelled):
        listen("hang", started, limit_s=60, cancel=cancel)
    assert wait_for_end(children[0])


def test_an_error_in_the_listener_ends_the_worker() -> None:
    children: list[int] = []

    def fail(event: Any) -> None:
        children.append(event["child"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        listen("hang", fail, limit_s=60)
    assert wait_for_end(children[0])


def test_requests_of_a_block_are_answered_by_one_process_that_imports_once() -> None:
    with Interpreter().worker() as own:
        (first, _), (second, calls) = (own.run("count", limit_s=30).value for _ in range(2))
        assert (first, calls) == (second, 2)
        assert psutil.pid_exists(first)
    assert wait_for_end(first)


def test_after_a_failure_the_next_request_gets_a_fresh_process() -> None:
    with Interpreter().worker() as own:
        before, _ = own.run("count", limit_s=30).value
        with pytest.raises(WorkerFailed):
            own.run("die", limit_s=30)
        after, calls = own.run("count", limit_s=30).value
    assert before != after
    assert calls == 1


def test_a_failure_tells_only_what_was_said_since_the_request() -> None:
    with Interpreter().worker() as own:
        own.run("say", limit_s=30)
        with pytest.raises(WorkerFailed) as caught:
            own.run("die", limit_s=30)
    assert "my last words" in caught.value.log
    assert "of the first request" not in caught.value.log


def test_a_worker_that_does_not_read_its_request_is_ended_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("import time; time.sleep(600)", encoding="utf-8")
    shutil.copytree(tmp_path, worker.WORKERS, dirs_exist_ok=True)
    with pytest.raises(DeadlineExceeded):
        run("echo", {"text": "x" * 1_000_000}, limit_s=1.0)


ORPHANED = """
import sys
from pathlib import Path
from runbook_lib.workers import host as worker
worker.WORKERS = Path(sys.argv[1])
with worker.Interpreter().worker() as own:
    print(own.run("count", limit_s=30).value[0], flush=True)
    if sys.argv[2]:
        own.run(sys.argv[2], limit_s=600)
    sys.stdin.read()
"""


@pytest.mark.parametrize("verb", ["", "hang_alone", "slow_import"], ids=["idle", "working", "importing"])
def test_a_worker_ends_when_its_parent_is_killed(verb: str) -> None:
    """Else it would go on downloading without the lock that died with its parent."""
    command = [sys.executable, "-c", ORPHANED, str(worker.WORKERS), verb]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        orphan = psutil.Process(int(parent.stdout.readline()))
        time.sleep(0.5)
        assert orphan.is_running()
        parent.kill()
        orphan.wait(timeout=5)


def test_a_worker_that_dies_without_a_word_leaves_its_last_lines() -> None:
    with pytest.raises(WorkerFailed) as caught:
        run("die")
    assert (caught.value.chain, caught.value.innermost) == ((), None)
    assert caught.value.what == "Worker die failed: it died."
    assert "exit code 139" in caught.value.why
    assert "my last words" in caught.value.why


def test_the_memory_of_a_worker_is_measured() -> None:
    answer = Interpreter().run("grow", limit_s=30)
    assert answer.peak_memory_bytes > 200_000_000


def test_what_is_no_interpreter_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("not a program", encoding="utf-8")
    with pytest.raises(RunbookError) as caught:
        Interpreter(tmp_path / "python").run("echo", limit_s=5)
    assert caught.value.what == f"{tmp_path / 'python'} cannot be started."
    assert "target_python" in caught.value.remedy
