"""What the processes of a run leave behind when it is killed: a process beside the run waits for that and ends them.

Whatever a run starts, and all that this starts in turn, inherits its folder for temporary files in the environment:
that is the evidence, whoever the parent is by now and whatever session or group it moved to. A program that changes
that variable for its own children is out of reach.

Runs as a program as well, and then imports psutil alone: `python -P guardian.py FOLDER` with a pipe as its stdin.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil

VARIABLES: Final = ("TMPDIR", "TEMP", "TMP")
_LIMIT_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.1
_APART: Final[dict[str, Any]] = (
    {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)}
    if os.name == "nt"
    else {"start_new_session": True}
)
"""Ctrl-C, and a `kill` of the whole process group, are for the run alone."""


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Have a process beside the block that ends what is left and removes the folder when this process is killed.

    Where none can be started the next run does it.
    """
    try:
        guardian = subprocess.Popen(
            [sys.executable, "-P", __file__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            **_APART,
        )
    except OSError:
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError, subprocess.TimeoutExpired):
            guardian.communicate(timeout=_LIMIT_S)
        guardian.kill()
        guardian.wait()


def end_left_behind(folder: Path) -> None:
    """Kill every process whose folder for temporary files is in this one, again and again while there are any."""
    deadline = time.monotonic() + _LIMIT_S
    while (left := tuple(_left_behind(folder))) and time.monotonic() < deadline:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=_LOOK_EVERY_S)


def _left_behind(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            environment = process.environ() if process.pid != os.getpid() else {}
            places = (Path(environment[name]) for name in VARIABLES if environment.get(name))
            inside = any(place.is_relative_to(folder) for place in places)
            if inside and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def main() -> None:
    """Wait for the end of whoever holds the other end of stdin; a run that ended by itself has removed the folder."""
    folder = Path(sys.argv[1])
    sys.stdin.buffer.read()
    if folder.exists():
        end_left_behind(folder)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
