"""Verbs for workers that hang, die, raise and talk too much, and two ways of asking for them."""

import threading
from textwrap import dedent
from typing import Any

from runbook_lib.workers.host import Answer, EventHandler, Interpreter

_CODE = {
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
    "prepared": """
        import os
        times = 0
        def prepare():
            global times
            times += 1
        def run(request, emit):
            return {"pid": os.getpid(), "prepared": times}
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
        import sys, time
        def run(request, emit):
            print("the last words of the first request", file=sys.stderr, flush=True)
            time.sleep(0.5)
    """,
    "slow_import": """
        import time
        time.sleep(600)
    """,
}

VERBS = {name: dedent(code) for name, code in _CODE.items()}


def run(verb: str, request: dict[str, Any] | None = None, *, limit_s: float = 30.0) -> Any:
    """Run a verb in a process of its own."""
    return Interpreter().run(verb, request, limit_s=limit_s).value


def listen(
    verb: str, on_event: EventHandler, *, limit_s: float = 30.0, cancel: threading.Event | None = None
) -> Answer:
    """Run a verb and hear what it tells meanwhile."""
    with Interpreter().worker() as own:
        return own.run(verb, {"text": "a"}, limit_s=limit_s, on_event=on_event, cancel=cancel)
