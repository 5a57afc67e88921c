"""Runs workers in an interpreter, under a wall-clock limit, and hands on what they tell."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.errors import DeadlineExceeded, RunbookError
from runbook_lib.system.filesystem import describe_os_error
from runbook_lib.workers.failure import Cancelled, Cause, WorkerFailed
from runbook_lib.workers.process import WorkerProcess
from runbook_lib.workers.standing import standing, standing_worker

_log = logging.getLogger(__name__)

WORKERS = Path(__file__).parent / "scripts"

EventHandler = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Answer:
    """What a worker returned, and what it cost."""

    value: Any
    peak_memory_bytes: int
    log: str
    """The last lines the worker and its libraries wrote to stderr."""


@dataclass(frozen=True)
class Interpreter:
    """A Python to run workers in, with the variables they are to find."""

    executable: Path = Path(sys.executable)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Set for the worker over our own environment; an empty value removes the variable."""
    may_stand: bool = False
    """Whether a worker that the run started ahead may answer, if it has the very variables this one would get."""

    def run(self, verb: str, request: Mapping[str, Any] | None = None, *, limit_s: float) -> Answer:
        """Run a verb in a process of its own and return its answer; see `Worker.run`."""
        with self.worker() as worker:
            return worker.run(verb, request, limit_s=limit_s)

    @contextmanager
    def worker(self) -> Iterator["Worker"]:
        """Provide a worker for several requests, which import their libraries once; it is gone after the block."""
        worker = Worker(self)
        try:
            yield worker
        finally:
            worker.end()

    @contextmanager
    def standing(self, verb: str, folder: Path) -> Iterator[None]:
        """Keep a worker ready while the block runs, its libraries for this verb imported; see `workers.standing`."""
        with standing([str(self.executable), str(WORKERS), verb], self.executable, self.environment(), folder):
            yield

    def environment(self) -> dict[str, str]:
        """Return the whole environment a worker gets."""
        merged = {**os.environ, **self.variables, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
        return {name: value for name, value in merged.items() if value or name not in self.variables}

    def start(self) -> WorkerProcess:
        """Start the process of a worker; raises `RunbookError` when this is no interpreter."""
        standing = standing_worker(self.executable, self.environment()) if self.may_stand else None
        if standing is not None:
            return standing
        try:
            return WorkerProcess([str(self.executable), str(WORKERS)], self.environment())
        except OSError as error:
            raise RunbookError(
                f"{self.executable} cannot be started.",
                why=describe_os_error(error),
                remedy="Name a Python interpreter that this user may run: -p target_python PATH.",
            ) from error


class Worker:
    """Answers requests one after the other; its process starts with the first and again after a failure."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._process: WorkerProcess | None = None

    def run(
        self,
        verb: str,
        request: Mapping[str, Any] | None = None,
        *,
        limit_s: float,
        on_event: EventHandler | None = None,
        cancel: threading.Event | None = None,
    ) -> Answer:
        """Run a verb and return its answer.

        Raises `WorkerFailed` when it raised or died, `DeadlineExceeded` at the limit, `Cancelled` on request; in each
        case the process and all it started are gone when this returns, unless the failure may pass: then the next
        request finds the libraries imported.
        """
        process = self._process = self._process or self._interpreter.start()
        started = time.monotonic()
        deadline = started + limit_s
        _log.debug("%s: asked of %s, limit %g s", verb, self._interpreter.executable, limit_s)
        with ExitStack() as on_failure:
            on_failure.callback(self.end)
            process.ask(verb, request or {})
            for event in process.events():
                if cancel is not None and cancel.is_set():
                    raise Cancelled(f"Worker {verb} was stopped on request.")
                if time.monotonic() > deadline:
                    raise DeadlineExceeded(verb, limit_s, why=process.last_words)
                match event:
                    case {"event": "result", "value": value}:
                        on_failure.pop_all()
                        _log.debug("%s: answered after %.1f s", verb, time.monotonic() - started)
                        return Answer(value, process.peak_memory_bytes, process.log)
                    case {"event": "error", **story}:
                        failure = _failure(verb, story, process.log)
                        _log.info("%s raised:\n%s", verb, failure.traceback)
                        if failure.passing:
                            on_failure.pop_all()
                        raise failure
                    case {"event": "progress"} if on_event is not None:
                        on_event(event)
            raise WorkerFailed(verb, (), f"exit code {process.exit_code()}\n{process.log}")

    def end(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.end()
            self._process = None


def _failure(verb: str, story: Mapping[str, Any], log: str) -> WorkerFailed:
    """Make an exception of what a worker told of the one that it met."""
    return WorkerFailed(
        verb,
        tuple(Cause.model_validate(cause) for cause in story["chain"]),
        log,
        traceback=story["traceback"],
        versions=story["versions"],
        passing=story["passing"],
        asked_pause_s=story["asked_pause_s"],
    )
