"""Runs one command and tells its cost as JSON: `python one_command.py COMMAND ...`.

A process of its own because it is small: Linux counts the peak memory of whoever starts a command as the command's.
What the command starts in turn is added: the system's own figure is that of the largest process alone.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

_LOOK_EVERY_S = 0.05
_PAUSE_PER_LOOK = 20
"""Dividing shared pages takes 30 ms a GiB: the pause is this many times longer, so that looking slows nothing down."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0


class TreeMemory(threading.Thread):
    """Looks again and again at what a process and its descendants hold together; Linux alone tells cheaply."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._pid = pid
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until told to end."""
        pause_s = _LOOK_EVERY_S
        while not self._ended.wait(pause_s):
            began_s = time.thread_time()
            self._look()
            pause_s = max(_LOOK_EVERY_S, _PAUSE_PER_LOOK * (time.thread_time() - began_s))

    def _look(self) -> None:
        """Add up resident sizes; where they say more than was seen so far, again with shared pages divided.

        A fork shares most pages with the process it came from: in resident sizes they count twice.
        """
        family = family_of(self._pid)
        held_bytes = sum(map(resident_bytes, family))
        if held_bytes > self.peak_bytes and len(family) > 1:
            held_bytes = sum(map(proportional_bytes, family))
        self.peak_bytes = max(self.peak_bytes, held_bytes)

    def end(self) -> int:
        """Stop looking, and return the most that was seen."""
        self._ended.set()
        self.join()
        return self.peak_bytes


def family_of(pid: int) -> list[int]:
    """Return a process and its descendants."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (OSError, ValueError):  # it has ended, or this is no Linux
        children = []
    return [pid, *(member for child in children for member in family_of(child))]


def resident_bytes(pid: int) -> int:
    """Return what a process holds in memory; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0


def proportional_bytes(pid: int) -> int:
    """Return what a process holds in memory, a page that n processes share as one nth of it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration, ValueError):  # it has ended, it is another user's, or Linux is older than 4.14
        return resident_bytes(pid)


def main() -> None:
    """Run the command of the arguments to its end; prints seconds, seconds of CPU, peak memory, exit code, output."""
    started = time.perf_counter()
    with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        tree = TreeMemory(process.pid)
        tree.start()
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    elapsed_s = time.perf_counter() - started
    cpu_s = usage.ru_utime + usage.ru_stime
    told = (
        elapsed_s,
        cpu_s,
        max(tree.end(), usage.ru_maxrss * 1024),
        process.returncode,
        output.decode(errors="replace"),
    )
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
