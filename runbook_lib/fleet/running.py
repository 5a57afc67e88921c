"""The runs that are at work on this host: processes that outlast the connection of the worker that began them.

A scheduler that is restarted, or that took a sleeping host for gone, ends the worker and not the run: the next attempt
finds it here and goes on listening. When this process is gone, the run ends itself (`child`).
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, Final

from runbook_lib.fleet.child import GRACE_S
from runbook_lib.workers.process_tree import end_tree

_LOOK_EVERY_S: Final = 0.25
_LAST_LINES: Final = 20
_at_work: dict[Path, "Running"] = {}
_one_begins = threading.Lock()


class Running:
    """One run: `runbook run` with these words, in a process of its own.

    Args:
        words: What stands behind `runbook`.
        home: The folder it works in.
        limit_s: After this it is asked to end, as `child` says, and has 30 s more.
    """

    def __init__(self, words: Sequence[str], home: Path, limit_s: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "runbook_lib.fleet.child", *words],
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=os.name != "nt",  # a signal to the worker's terminal is not one to the run
        )
        self._output, self._errors = _Lines(self._process.stdout), _Lines(self._process.stderr)
        self._words: list[str] = []
        self._limit_s = limit_s
        self.is_late = False
        """Whether it was asked to end, for its time was over."""
        threading.Thread(target=self._watch, daemon=True, name="run").start()

    @property
    def is_at_work(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def events(self, wait_s: float = 0.0) -> Sequence[Mapping[str, Any]]:
        """Return what `--events` has written since, after a wait at most when there is nothing."""
        events = []
        for line in self._errors.come(wait_s):
            if event := document_of(line):
                events.append(event)
            else:
                self._words = [*self._words, line][-_LAST_LINES:]
        return events

    def ended(self) -> tuple[dict[str, Any], int, str]:
        """Return its document, its exit code and the last it said, once it is no longer at work."""
        code = self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        self._output.join()
        said = f"It was ended after {self._limit_s:g} s." if self.is_late else "".join(self._words).strip()
        return document_of("".join(self._output.come(0.0))), code if code >= 0 else 128 - code, said

    def rest(self) -> Sequence[Mapping[str, Any]]:
        """Return the last events, once it is no longer at work."""
        self._errors.join()
        return self.events()

    def _watch(self) -> None:
        try:
            self._process.wait(self._limit_s)
        except subprocess.TimeoutExpired:
            self.is_late = True
            if self._process.stdin:
                self._process.stdin.close()
            try:
                self._process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                end_tree(self._process.pid)


def running_in(folder: Path, words: Sequence[str], home: Path, limit_s: float) -> Running:
    """Return the run that is at work in a run folder, or begin it."""
    with _one_begins:
        for other in [other for other, one in _at_work.items() if not one.is_at_work and other != folder]:
            del _at_work[other]
        known = _at_work.get(folder)
        if known is None:
            known = _at_work[folder] = Running(words, home, limit_s)
        return known


def is_known(folder: Path) -> bool:
    """Whether a run was begun by this process, and nobody was told of its end."""
    return folder in _at_work


def forget(folder: Path) -> None:
    """Let go of a run whose end was told."""
    _at_work.pop(folder, None)


def document_of(text: str) -> dict[str, Any]:
    """Return a JSON object; an empty one for anything else."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


class _Lines:
    """Reads a stream as it comes, so that whoever writes never waits."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream: IO[bytes] | None) -> None:
        if stream is not None:
            with stream:
                for line in stream:
                    self._lines.put(line.decode("utf-8", "replace"))

    def come(self, wait_s: float) -> list[str]:
        """Return the lines that have come, after a wait at most when there is none."""
        came: list[str] = []
        try:
            came.append(self._lines.get(timeout=wait_s) if wait_s else self._lines.get_nowait())
            while True:
                came.append(self._lines.get_nowait())
        except Empty:
            return came

    def join(self) -> None:
        """Wait for the end of the stream, but not for a process that holds it open beyond its parent's end."""
        self._thread.join(timeout=_LOOK_EVERY_S * 8)
