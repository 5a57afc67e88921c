"""Acts on a cache that the system kills in their middle: children of a fork server, each with its moment of death.

The moment is counted in changes to the file system, so that it is the same one whenever the test runs.
"""

import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from runbook_lib.desired.converge import Converging
from runbook_lib.desired.look import machine_state
from runbook_lib.desired.origins import origin_of
from runbook_lib.run.lock_file import read_lock
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.download.stage import download
from runbook_lib.upkeep.dedupe.apply import apply_dedupe
from runbook_lib.upkeep.dedupe.plan import plan_dedupe
from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.plan import plan_repair

KILLED: Final = frozenset({-signal.SIGKILL, -signal.SIGXFSZ})
_CHANGES: Final = frozenset({"os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "shutil.copyfile"})
"""Python's own names (audit events) of what changes a folder; `open` for writing comes on top."""
_LIMIT_S: Final = 120.0


def dedupe(run: OpenRun) -> None:
    """Share what stands in the cache more than once."""
    apply_dedupe(plan_dedupe(run.cache_dir, run.artifacts_dir))


def repair(run: OpenRun) -> None:
    """Repair the models of the run."""
    apply_repair(run, plan_repair(run))


def converge(run: OpenRun) -> None:
    """Bring the run's places to its lock file, beside which the cache of a peer stands."""
    path = Path(run.settings.lock_file)
    converging = Converging(run, read_lock(path), path, lambda _origin: run, lambda _line: None)
    converging.converge(machine_state(run, path), [origin_of(str(path.parent / "hub"))])


ACTS: Final[dict[str, Callable[[OpenRun], object]]] = {"dedupe": dedupe, "repair": repair, "download": download}
"""Acts on the models of a run, whatever they are."""
_ALL: Final[dict[str, Callable[[OpenRun], object]]] = {**ACTS, "converge": converge}


class Killer:
    """Starts acts as children of a fork server, which has imported everything, and waits for their end."""

    def __init__(self) -> None:
        self._forks = multiprocessing.get_context("forkserver")
        self._forks.set_forkserver_preload([__name__])

    def kill(self, act: str, run: OpenRun, *, before_change: int) -> bool:
        """Have an act killed before its n-th change below cache and artifacts folder; False when it ended earlier."""
        child = self._forks.Process(target=_doomed, args=(act, run, before_change))
        child.start()
        child.join(_LIMIT_S)
        assert child.exitcode in {0, *KILLED}, f"{act} ended with {child.exitcode}"
        return child.exitcode in KILLED


def _doomed(act: str, run: OpenRun, before_change: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, so that a file that is too large is an error
    places = tuple(map(str, (run.cache_dir, run.artifacts_dir)))
    left = before_change

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if not _changes(event, arguments, places):
            return
        left -= 1
        if left == 0:
            _die(event, arguments)

    sys.addaudithook(watch)
    _ALL[act](run)


def _changes(event: str, arguments: tuple[Any, ...], places: tuple[str, ...]) -> bool:
    if event == "open":
        path, _mode, flags = arguments
        writes = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
        return writes and _is_below(path, places) and not str(path).endswith(".lock")
    return event in _CHANGES and any(_is_below(path, places) for path in arguments[:2])


def _is_below(path: object, places: tuple[str, ...]) -> bool:
    return isinstance(path, str | os.PathLike) and str(path).startswith(places)


def _die(event: str, arguments: tuple[Any, ...]) -> None:
    """End at once, a copy half-way; the worker of the act, if it has one, as well: nothing goes on unseen."""
    for worker in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    if event == "shutil.copyfile":
        half_bytes = Path(arguments[0]).stat().st_size // 2
        resource.setrlimit(resource.RLIMIT_FSIZE, (half_bytes, half_bytes))
    else:
        os.kill(os.getpid(), signal.SIGKILL)
