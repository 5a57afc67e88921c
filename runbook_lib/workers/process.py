"""The process of a worker: requests go down its stdin, events come up its stdout, both as JSON lines."""

import json
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, cast

import psutil

from runbook_lib.core.masking import mask_secrets
from runbook_lib.workers.process_tree import end_tree

_POLL_S = 0.25
_END_S = 5.0
_TAIL_LINES = 60
_LAST_LINES = 4
"""huggingface_hub tells in two lines what failed and that it tries again."""


class WorkerProcess:
    """A running worker; whoever starts one ends it.

    Requests go down stdin because a command line ends at 32,767 characters on Windows (WinError 206).
    It ends by itself when its parent is gone: its stdin closes, and what it writes finds no reader.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace"
        )
        streams = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._talk(self._process.pid, *(cast("IO[str]", stream) for stream in streams))

    def _talk(self, pid: int, requests: IO[str], events: IO[str], log: IO[str]) -> None:
        """Begin to listen to a process at the other end of these streams."""
        self.pid = pid
        self._requests = requests
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._log: list[str] = []
        self.peak_memory_bytes = 0
        self._collector = threading.Thread(target=self._collect, args=(log,), daemon=True)
        self._collector.start()
        threading.Thread(target=self._pump, args=(events,), daemon=True).start()

    @property
    def log(self) -> str:
        """The last lines the worker and its libraries wrote to stderr since it was asked."""
        return "\n".join(self._log)

    @property
    def last_words(self) -> str:
        """The last few lines of the log that are not empty."""
        return "\n".join([line for line in self._log if line.strip()][-_LAST_LINES:])

    def ask(self, verb: str, request: Mapping[str, Any]) -> None:
        """Hand a request over without waiting: a worker that does not read must not hold its parent up."""
        self._log.clear()
        line = json.dumps({"verb": verb, "request": request}) + "\n"
        threading.Thread(target=self._write, args=(line,), daemon=True).start()

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the worker's events, and an empty one now and then so that the caller can look at the clock."""
        while True:
            self.peak_memory_bytes = max(self.peak_memory_bytes, _memory_bytes(self.pid))
            try:
                line = self._lines.get(timeout=_POLL_S)
            except queue.Empty:
                yield {}
                continue
            if line is None:
                self._collector.join(_END_S)  # the last words stand on stderr
                return
            yield _parsed(line)

    def exit_code(self) -> int | None:
        """Return the exit code of a worker whose events have ended; None when it does not end all the same."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=_END_S)
        return None

    def end(self) -> None:
        """Kill the worker and all it started; returns when they are gone."""
        end_tree(self._process.pid)
        self._process.wait()
        with suppress(OSError):  # a request that was not read to its end
            self._requests.close()

    def _write(self, line: str) -> None:
        with suppress(OSError, ValueError):  # it died, and its events will tell
            self._requests.write(line)
            self._requests.flush()

    def _pump(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._lines.put(line)
        self._lines.put(None)

    def _collect(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._log.append(mask_secrets(line.rstrip()))
                del self._log[:-_TAIL_LINES]


def _parsed(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _memory_bytes(pid: int) -> int:
    """Return the largest resident size so far: the system's own peak on Windows, the present size elsewhere."""
    try:
        facts = psutil.Process(pid).memory_info()
    except psutil.Error:
        return 0
    return int(getattr(facts, "peak_wset", facts.rss))
