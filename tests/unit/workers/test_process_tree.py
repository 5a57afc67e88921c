"""Ending processes: real ones, with children."""

import subprocess
import sys

import psutil

from runbook_lib.workers.process_tree import end_tree

SLEEP = "import time; time.sleep(600)"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
print(child.pid, flush=True)
child.wait()
"""


def test_a_process_ends_with_what_it_started() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        end_tree(parent.pid)
        assert parent.wait(timeout=10) != 0
        child.wait(timeout=10)


def test_ending_what_is_gone_already_is_fine() -> None:
    process = psutil.Popen([sys.executable, "-c", ""])
    process.wait()
    end_tree(process.pid)
