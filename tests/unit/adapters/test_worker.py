"""Workers that hang, die, raise and talk too much; real processes all of them."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest

from runbook_lib.adapters import worker
from runbook_lib.adapters.worker import Answer, EventHandler, Interpreter
from runbook_lib.adapters.worker_failure import Cancelled, WorkerFailed
from runbook_lib.errors import DeadlineExceeded, RunbookError

HANG_LIMIT_S = 10.0 if os.name == "nt" else 3.0
"""Long enough for two interpreters to start on a busy machine; under Wine each takes a second or more."""

VERBS = {
    "echo": """
        def run(request, emit):
            emit("progress", step="one")
            emit("progress", step="zwölf 模型")
            return request
    """,
    "environment": """
        import os
        def run(request, emit):
            return {name: os.environ.get(name) for name in request["names"]}
    """,
    "hang": """
        import subprocess, sys, time
        def run(request, emit):
            print("I am waiting", file=sys.stderr, flush=True)
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            emit("progress", child=child.pid)
            time.sleep(600)
    """,
    "die": """
        import os, sys
        def run(request, emit):
            print("my last words", file=sys.stderr, flush=True)
            os._exit(139)
    """,
    "fail": """
        def run(request, emit):
            try:
                raise PermissionError(13, "Permission denied", "/data")
            except OSError as error:
                raise RuntimeError("outer") from error
    """,
    "loop_of_causes": """
        def run(request, emit):
            one, two = ValueError("one"), ValueError("two")
            one.__cause__, two.__cause__ = two, one
            raise one
    """,
    "noise": """
        import os
        def run(request, emit):
            print("not json at all")
            print('{"event": "result", "value": "forged"}')
            os.system("echo from a child process")
            return "the real value"
    """,
    "grow": """
        import time
        def run(request, emit):
            held = bytearray(200_000_000)
            time.sleep(1.0)
            return len(held)
    """,
    "unspeakable": """
        def run(request, emit):
            return {1, 2}
    """,
    "stdin": """
        import subprocess, sys
        def run(request, emit):
            count = [sys.executable, "-c", "import sys; print(len(sys.stdin.read()))"]
            return [sys.stdin.read(), int(subprocess.run(count, capture_output=True).stdout)]
    """,
    "count": """
        import os
        calls = 0
        def run(request, emit):
            global calls
            calls += 1
            return [os.getpid(), calls]
    """,
    "hang_alone": """
        import time
        def run(request, emit):
            time.sleep(600)
    """,
    "say": """
        import sys
        def run(request, emit):
            print("the last words of the first request", file=sys.stderr, flush=True)
    """,
    "slow_import": """
        import time
        time.sleep(600)
    """,
}


@pytest.fixture(autouse=True)
def _verbs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the real entry point of the workers beside verbs of our own."""
    folder = tmp_path_factory.mktemp("workers")
    shutil.copy(worker.WORKERS / "__main__.py", folder)
    for name, code in VERBS.items():
        (folder / f"{name}.py").write_text(dedent(code), encoding="utf-8")
    monkeypatch.setattr(worker, "WORKERS", folder)


def run(verb: str, request: dict[str, Any] | None = None, *, limit_s: float = 30.0) -> Any:
    return Interpreter().run(verb, request, limit_s=limit_s).value


def listen(
    verb: str, on_event: EventHandler, *, limit_s: float = 30.0, cancel: threading.Event | None = None
) -> Answer:
    with Interpreter().worker() as own:
        return own.run(verb, {"text": "a"}, limit_s=limit_s, on_event=on_event, cancel=cancel)


def test_the_request_comes_back_with_every_letter() -> None:
    request = {"text": "zwölf 模型 \U0001f600 \n \x00", "number": 1.5, "list": [None, True]}
    assert run("echo", request) == request


def test_events_arrive_with_every_letter() -> None:
    events: list[Any] = []
    listen("echo", events.append)
    assert [event["step"] for event in events] == ["one", "zwölf 模型"]


def test_a_request_longer_than_a_command_line_arrives() -> None:
    assert run("echo", {"text": "x" * 1_000_000}) == {"text": "x" * 1_000_000}


def test_stdin_is_empty_so_that_nothing_waits_for_a_person() -> None:
    assert run("stdin") == ["", 0], "neither for a library nor for what it starts"


def test_what_libraries_print_is_kept_apart_from_events() -> None:
    answer = Interpreter().run("noise", limit_s=30)
    assert answer.value == "the real value"


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
from runbook_lib.adapters import worker
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


def test_a_chain_of_exceptions_arrives_whole() -> None:
    with pytest.raises(WorkerFailed) as caught:
        run("fail")
    outer, inner = caught.value.chain
    assert (outer.type, outer.message, outer.errno) == ("RuntimeError", "outer", None)
    assert (inner.type, inner.errno) == ("PermissionError", 13)
    assert "/data" in inner.message
    assert caught.value.innermost == inner


def test_causes_that_lead_in_a_circle_end() -> None:
    with pytest.raises(WorkerFailed) as caught:
        run("loop_of_causes")
    assert len(caught.value.chain) == 12


def test_a_value_that_json_cannot_hold_is_an_error_and_no_silence() -> None:
    with pytest.raises(WorkerFailed) as caught:
        run("unspeakable")
    assert caught.value.chain[0].type == "TypeError"


def test_an_unknown_verb_is_an_error() -> None:
    with pytest.raises(WorkerFailed) as caught:
        run("no_such_verb")
    assert caught.value.chain[0].type == "ModuleNotFoundError"


def test_an_empty_value_removes_a_variable_and_others_are_laid_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_GONE", "here")
    monkeypatch.setenv("HF_CHANGED", "old")
    monkeypatch.setenv("HF_KEPT", "kept")
    interpreter = Interpreter(variables={"HF_GONE": "", "HF_CHANGED": "new", "HF_ADDED": "ü"})
    names = ["HF_GONE", "HF_CHANGED", "HF_KEPT", "HF_ADDED"]
    seen = interpreter.run("environment", {"names": names}, limit_s=30).value
    assert seen == {"HF_GONE": None, "HF_CHANGED": "new", "HF_KEPT": "kept", "HF_ADDED": "ü"}
    assert os.environ["HF_GONE"] == "here"


@pytest.mark.skipif(os.name == "nt", reason="an empty variable is an unset one there")
def test_a_variable_that_is_empty_here_is_empty_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", "")
    assert run("environment", {"names": ["HF_HOME"]}) == {"HF_HOME": ""}


def test_the_memory_of_a_worker_is_measured() -> None:
    answer = Interpreter().run("grow", limit_s=30)
    assert answer.peak_memory_bytes > 200_000_000


def test_what_is_no_interpreter_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("not a program", encoding="utf-8")
    with pytest.raises(RunbookError) as caught:
        Interpreter(tmp_path / "python").run("echo", limit_s=5)
    assert caught.value.what == f"{tmp_path / 'python'} cannot be started."
    assert "target_python" in caught.value.remedy
