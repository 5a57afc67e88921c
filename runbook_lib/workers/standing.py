"""A worker that is started before anybody asks, so that its libraries are imported when somebody does.

Whoever starts it keeps it: it ends with that process. Other processes, one at a time, find it by a variable and hand it
requests over named pipes in a folder of this user; one that has asked reads its answers until it ends. It answers only
whoever would have started one with the very same interpreter and variables; everybody else starts a worker of their
own. On Linux alone: elsewhere there are no named pipes (Windows), or no safe fork (macOS), which docling is asked in.
"""

import hashlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from runbook_lib.core import atomic
from runbook_lib.system.progress import HEADLESS_VARIABLE, PROGRESS_VARIABLE
from runbook_lib.workers.process import WorkerProcess
from runbook_lib.workers.process_tree import end_tree

_log = logging.getLogger(__name__)

STANDING_VARIABLE: Final = "RUNBOOK_STANDING_WORKER"
"""Names the folder; set for the kernels of a run."""
_OFFER, _REQUESTS, _EVENTS, _LOG, _EXIT = "offer.json", "requests", "events", "log", "exit-code"
_EXIT_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.05
_OF_NO_ACCOUNT: Final = frozenset(
    {
        *(STANDING_VARIABLE, HEADLESS_VARIABLE, PROGRESS_VARIABLE),
        *("HF_ENDPOINT", "NO_PROXY", "no_proxy"),
        *("JPY_PARENT_PID", "JPY_SESSION_NAME", "PYDEVD_USE_FRAME_EVAL", "MPLBACKEND"),
        *("TERM", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "PAGER", "GIT_PAGER", "LINES", "COLUMNS", "_", "SHLVL"),
        *("PWD", "OLDPWD"),
    }
)
"""Variables that may differ: our own, those of the network, which a standing worker never asks, and those that Jupyter
sets in a kernel for the looks of its output."""


@contextmanager
def standing(
    command: Sequence[str], executable: Path, environment: Mapping[str, str], folder: Path
) -> Iterator[subprocess.Popen[bytes] | None]:
    """Keep a worker ready while the block runs, for processes that are started in it; None where that cannot be.

    `folder` is for this user alone and is made here. At the end the worker and all it started are gone.
    """
    if sys.platform != "linux":
        yield None
        return
    folder.mkdir(mode=0o700)
    with ExitStack() as stack:
        process = _started(command, environment, folder, stack)
        stack.callback(process.wait)
        stack.callback(end_tree, process.pid)
        threading.Thread(target=_note_exit, args=(process, folder), daemon=True, name="standing").start()
        offer = {"pid": process.pid, "executable": str(executable), "variables": _fingerprint(environment)}
        atomic.write_text(folder / _OFFER, json.dumps(offer))
        os.environ[STANDING_VARIABLE] = str(folder)
        stack.callback(os.environ.pop, STANDING_VARIABLE, None)
        yield process


def _started(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, stack: ExitStack
) -> subprocess.Popen[bytes]:
    """Start the worker on named pipes; we keep the other ends open, and that we do so is its sign that we live."""
    for name in (_REQUESTS, _EVENTS, _LOG):
        os.mkfifo(folder / name, 0o600)  # type: ignore[attr-defined,unused-ignore]  # not on Windows

    def opened(name: str, flags: int) -> int:
        number = os.open(folder / name, flags)
        stack.callback(os.close, number)
        return number

    ours = [opened(name, os.O_RDONLY | os.O_NONBLOCK) for name in (_EVENTS, _LOG)]  # type: ignore[attr-defined,unused-ignore]
    with ExitStack() as theirs:

        def handed(name: str, flags: int) -> int:
            number = os.open(folder / name, flags)
            theirs.callback(os.close, number)
            return number

        events, log = handed(_EVENTS, os.O_WRONLY), handed(_LOG, os.O_WRONLY)
        requests = handed(_REQUESTS, os.O_RDONLY | os.O_NONBLOCK)  # type: ignore[attr-defined,unused-ignore]
        ours.append(opened(_REQUESTS, os.O_WRONLY))
        os.set_blocking(requests, True)
        return subprocess.Popen(
            command,
            env=dict(environment),
            stdin=requests,
            stdout=events,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the cell that waits for its answer, as with every other worker
        )


def _note_exit(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    code = process.wait()
    if folder.is_dir():
        (folder / _EXIT).write_text(str(code), encoding="ascii")


_attached: dict[str, "_AttachedProcess"] = {}
"""Those this process asks, by their folders: what reads the answers of one request reads those of the next."""


def standing_worker(executable: Path, environment: Mapping[str, str]) -> WorkerProcess | None:
    """Return the worker that stands ready for this interpreter under these variables; None when there is none."""
    named = os.environ.get(STANDING_VARIABLE)
    if not named or sys.platform != "linux":
        return None
    folder = Path(named)
    try:
        offer = json.loads((folder / _OFFER).read_text(encoding="utf-8"))
        if (folder / _EXIT).exists() or not _is_same(Path(offer["executable"]), executable):
            return None
        differing = _differing(offer["variables"], _fingerprint(environment))
        if differing:
            _log.info("the standing worker is not taken: %s differ", ", ".join(differing))
            return None
        if named not in _attached:
            _attached[named] = _AttachedProcess(int(offer["pid"]), folder)
    except (OSError, ValueError, KeyError) as error:
        _log.info("the standing worker is not taken: %s", error)
        return None
    return _attached[named] if _attached[named].taken() else None


class _AttachedProcess(WorkerProcess):
    """A standing worker for as long as this process asks it; it is left standing when its last answer was a result."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._folder = folder
        self._is_clean = True
        self._held = threading.Lock()
        requests = os.open(folder / _REQUESTS, os.O_WRONLY | os.O_NONBLOCK)  # type: ignore[attr-defined,unused-ignore]
        os.set_blocking(requests, True)
        streams = [os.fdopen(requests, "w", encoding="utf-8")]
        for name in (_EVENTS, _LOG):
            number = os.open(folder / name, os.O_RDONLY | os.O_NONBLOCK)  # type: ignore[attr-defined,unused-ignore]
            os.set_blocking(number, True)
            streams.append(os.fdopen(number, encoding="utf-8", errors="replace"))
        self._talk(pid, *streams)

    def taken(self) -> bool:
        """Hold it until `end`; False when somebody in this process does."""
        return self._held.acquire(blocking=False)

    def ask(self, verb: str, request: Mapping[str, Any]) -> None:
        """Hand a request over; until its result has come, the worker is not to be left as it is."""
        self._is_clean = False
        super().ask(verb, request)

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the worker's events."""
        for event in super().events():
            self._is_clean = self._is_clean or event.get("event") == "result"
            yield event

    def exit_code(self) -> int | None:
        """Return the exit code as its parent notes it."""
        deadline = time.monotonic() + _EXIT_S
        while time.monotonic() < deadline:
            try:
                return int((self._folder / _EXIT).read_text(encoding="ascii"))
            except (OSError, ValueError):
                time.sleep(_LOOK_EVERY_S)
        return None

    def end(self) -> None:
        """Kill the worker in the middle of a request, or after one that failed; else leave it to the next stage."""
        if self._is_clean:
            self._held.release()
            return
        end_tree(self.pid)
        self.exit_code()


def _is_same(one: Path, other: Path) -> bool:
    """Whether both are the same interpreter of the same environment, by whichever of its names."""
    return one.parent == other.parent and one.samefile(other)


def _fingerprint(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that count, their values as hashes: some are secrets, and this is written to a file."""
    return {
        name: hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
        for name, value in environment.items()
        if name not in _OF_NO_ACCOUNT
    }


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
