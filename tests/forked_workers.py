"""Has the workers of this interpreter be forks of one process, wherever a test is not about how they start.

Of the 0.9 s of CPU that a worker takes until it answers, 0.7 s go into starting Python and into what huggingface_hub
imports; `worker_forks.py` has done both. It is a process of its own all the same, at the real entry point, and imports
huggingface_hub itself, under the variables it was given.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self
from unittest import mock

from runbook_lib.workers import host
from runbook_lib.workers.process import WorkerProcess
from runbook_lib.workers.process_tree import end_tree
from tests import worker_forks

_SERVER = Path(__file__).with_name("worker_forks.py")
_COMMAND = [sys.executable, str(host.WORKERS)]
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_")
"""What variables begin with that an interpreter reads when it starts, where a fork does not start one."""
_END_MS = 5_000


class ForkServer:
    """The process that forks; starts with the first worker and is gone after the block."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._started_under: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            end_tree(self._process.pid)
            self._process.communicate()

    def serves(self, command: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Whether a fork would be the same as the process that this command starts."""
        if list(command) != _COMMAND:
            return False
        with self._lock:
            if self._process is None:
                self._start(environment)
        return self._started_under == read_at_start(environment)

    def ask(self, request: dict[str, object]) -> None:
        """Hand over what a new worker is to be."""
        assert self._process is not None
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def _start(self, environment: Mapping[str, str]) -> None:
        self._started_under = read_at_start(environment)
        self._process = subprocess.Popen(
            [sys.executable, str(_SERVER), str(host.WORKERS)],
            env={**os.environ, **self._started_under},
            stdin=subprocess.PIPE,
            text=True,
        )


def read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}


class ForkedWorker(WorkerProcess):
    """A worker that was forked; whoever asked for it ends it."""

    def __init__(self, ask: Callable[[dict[str, object]], None], environment: Mapping[str, str]) -> None:
        (stdin, requests), (events, stdout), (log, stderr), (told, fate) = (os.pipe() for _ in range(4))
        theirs = (stdin, stdout, stderr, fate)
        streams = [f"/proc/{os.getpid()}/fd/{number}" for number in theirs]
        ask({"streams": streams[:3], "fate": streams[3], "environment": dict(environment), "cwd": str(Path.cwd())})
        self._told = os.fdopen(told, encoding="ascii")
        pid = int(self._told.readline())
        for number in theirs:
            os.close(number)
        self._exit_code: int | None = None
        self._talk(
            pid,
            os.fdopen(requests, "w", encoding="utf-8"),
            *(os.fdopen(number, encoding="utf-8", errors="replace") for number in (events, log)),
        )

    def exit_code(self) -> int | None:
        """Return the exit code as its parent tells it."""
        if not self._told.closed:
            told = select.poll()
            told.register(self._told, select.POLLIN)
            if told.poll(_END_MS) and (code := self._told.readline()):
                self._exit_code = int(code)
            self._told.close()
        return self._exit_code

    def end(self) -> None:
        """Kill the worker and all it started."""
        if not self._told.closed:
            end_tree(self.pid)
            self.exit_code()
        with suppress(OSError):  # a request that was not read to its end
            self._requests.close()


def fork_workers_here() -> None:
    """Have the workers of this process be forks of itself; for a child of multiprocessing's fork server.

    Whoever has that server preload `tests.faults.preloaded_forks` saves its children the imports.
    """
    signal.signal(signal.SIGCHLD, worker_forks.tell_ends)

    def started(_: Sequence[str], environment: Mapping[str, str]) -> WorkerProcess:
        return ForkedWorker(lambda asked: worker_forks.fork(asked, str(host.WORKERS)), environment)

    mock.patch.object(host, "WorkerProcess", started).start()


@contextmanager
def forked_workers(server: ForkServer) -> Iterator[None]:
    """Have the workers of this process be forks of the server's while the block runs, where the system has forks."""

    def started(command: Sequence[str], environment: Mapping[str, str]) -> WorkerProcess:
        if sys.platform == "linux" and server.serves(command, environment):
            return ForkedWorker(server.ask, environment)
        return WorkerProcess(command, environment)

    with mock.patch.object(host, "WorkerProcess", started):
        yield
