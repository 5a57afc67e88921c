"""Ending a process together with everything it started."""

from contextlib import suppress

import psutil


def end_tree(pid: int) -> None:
    """Kill a process and everything it started; one that is gone already is fine."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (*root.children(recursive=True), root):
            with suppress(psutil.NoSuchProcess):
                process.kill()
