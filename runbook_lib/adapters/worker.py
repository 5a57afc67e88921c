"""Runs a worker in an interpreter, under a wall-clock limit, and hands on what it tells."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Annotated, Any

import psutil
from pydantic import AfterValidator

from runbook_lib.adapters.filesystem import describe_os_error
from runbook_lib.errors import DeadlineExceeded, RunbookError
from runbook_lib.masking import mask_secrets
from runbook_lib.value import Value

WORKERS = Path(__file__).parent.parent / "workers"
_POLL_S = 0.25
_END_S = 5.0
_TAIL_LINES = 60
_LAST_LINES = 4
"""huggingface_hub tells in two lines what failed and that it tries again."""

EventHandler = Callable[[Mapping[str, Any]], None]


class Cause(Value):
    """One exception of a chain, as the worker saw it."""

    type: str
    message: Annotated[str, AfterValidator(mask_secrets)]
    """Free of secrets: a proxy's URL or a request's headers stand in some messages."""
    errno: int | None = None
    winerror: int | None = None


class WorkerFailed(RunbookError):
    """A worker raised, or died.

    Args:
        verb: What the worker was to do.
        chain: The exception and its causes, outermost first; empty when it died without a word.
        log: The last lines it wrote to stderr.
        traceback: The exception as Python prints it.
        versions: The packages of its interpreter that known failures depend on.
    """

    id = "worker"

    def __init__(
        self,
        verb: str,
        chain: tuple[Cause, ...],
        log: str,
        *,
        traceback: str = "",
        versions: Mapping[str, str] | None = None,
    ) -> None:
        self.verb = verb
        self.chain = chain
        self.log = log
        self.traceback = traceback
        self.versions = dict(versions or {})
        last = chain[-1] if chain else Cause(type="", message="")
        super().__init__(f"Worker {verb} failed: {last.type or 'it died'}.", why=last.message or log[-500:])

    @property
    def innermost(self) -> Cause | None:
        """The cause everything else follows from; None when the worker died without a word."""
        return self.chain[-1] if self.chain else None


class Cancelled(RunbookError):
    """The caller asked a worker to stop."""

    id = "cancelled"


@dataclass(frozen=True)
class Answer:
    """What a worker returned, and what it cost."""

    value: Any
    peak_memory_bytes: int
    log: str
    """The last lines the worker and its libraries wrote to stderr."""


@dataclass
class _Observed:
    peak_memory_bytes: int = 0
    log: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Interpreter:
    """A Python to run workers in, with the variables they are to find."""

    executable: Path = Path(sys.executable)
    variables: Mapping[str, str] = field(default_factory=dict)
    """Set for the worker over our own environment; an empty value removes the variable."""

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
        case the worker and all it started are gone when this returns.
        """
        deadline = time.monotonic() + limit_s
        observed = _Observed()
        with _request_file(request or {}) as path, self._started(verb, path) as process:
            for event in _events(process, observed):
                if cancel is not None and cancel.is_set():
                    raise Cancelled(f"Worker {verb} was stopped on request.")
                if time.monotonic() > deadline:
                    raise DeadlineExceeded(verb, limit_s, why=_last_lines(observed.log))
                match event:
                    case {"event": "result", "value": value}:
                        return Answer(value, observed.peak_memory_bytes, "\n".join(observed.log))
                    case {"event": "error", "chain": chain, "traceback": traceback, "versions": versions}:
                        causes = tuple(Cause.model_validate(cause) for cause in chain)
                        log = "\n".join(observed.log)
                        raise WorkerFailed(verb, causes, log, traceback=traceback, versions=versions)
                    case dict() if on_event is not None:
                        on_event(event)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_END_S)
        raise WorkerFailed(verb, (), f"exit code {process.returncode}\n" + "\n".join(observed.log))

    def environment(self) -> dict[str, str]:
        """Return the whole environment a worker gets."""
        merged = {**os.environ, **self.variables, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
        return {name: value for name, value in merged.items() if value or name not in self.variables}

    @contextmanager
    def _started(self, verb: str, request: Path) -> Iterator["subprocess.Popen[str]"]:
        try:
            process = subprocess.Popen(
                [str(self.executable), str(WORKERS), verb, str(request)],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise RunbookError(
                f"{self.executable} cannot be started.",
                why=describe_os_error(error),
                remedy="Name a Python interpreter that this user may run: -p target_python PATH.",
            ) from error
        try:
            yield process
        finally:
            end_tree(process.pid)
            process.wait()


def end_tree(pid: int) -> None:
    """Kill a process and everything it started; one that is gone already is fine."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (*root.children(recursive=True), root):
            with suppress(psutil.NoSuchProcess):
                process.kill()


@contextmanager
def _request_file(request: Mapping[str, Any]) -> Iterator[Path]:
    """Hand the request over in a file: a Windows command line ends at 32,767 characters (WinError 206)."""
    with tempfile.TemporaryDirectory(prefix="runbook-") as folder:
        path = Path(folder) / "request.json"
        path.write_text(json.dumps(request), encoding="utf-8")
        yield path


def _events(process: "subprocess.Popen[str]", observed: _Observed) -> Iterator[dict[str, Any] | None]:
    """Yield the worker's events, and None at least every poll so that the caller can look at the clock."""
    lines: queue.Queue[str | None] = queue.Queue()
    collector = threading.Thread(target=_collect, args=(process.stderr, observed.log), daemon=True)
    threading.Thread(target=_pump, args=(process.stdout, lines), daemon=True).start()
    collector.start()
    while True:
        observed.peak_memory_bytes = max(observed.peak_memory_bytes, _memory_bytes(process.pid))
        try:
            line = lines.get(timeout=_POLL_S)
        except queue.Empty:
            yield None
            continue
        if line is None:
            collector.join(_END_S)  # the last words stand on stderr
            return
        yield _parsed(line)


def _pump(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _collect(stream: IO[str], log: list[str]) -> None:
    with stream:
        for line in stream:
            log.append(mask_secrets(line.rstrip()))
            del log[:-_TAIL_LINES]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _memory_bytes(pid: int) -> int:
    """Return the largest resident size so far: the system's own peak on Windows, the present size elsewhere."""
    try:
        facts = psutil.Process(pid).memory_info()
    except psutil.Error:
        return 0
    return int(getattr(facts, "peak_wset", facts.rss))


def _last_lines(log: list[str]) -> str:
    return "\n".join([line for line in log if line.strip()][-_LAST_LINES:])
