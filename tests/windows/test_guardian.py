"""What a killed run leaves is ended and removed on Windows, too: processes are found by their environment there."""

import time
from pathlib import Path

import pytest

from tests.windows.windows_python import WindowsPython, to_windows_path

LIMIT_S = 120
KILLED = """
import os, signal, subprocess, sys, time
from pathlib import Path
from runbook_lib.headless.guardian import VARIABLES, guarded
folder, beat = Path(sys.argv[1]), sys.argv[2]
inside = {**os.environ, **dict.fromkeys(VARIABLES, str(folder))}
with guarded(folder):
    apart = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    subprocess.Popen([sys.executable, "-c", sys.argv[3], beat], env=inside, creationflags=apart)
    while not Path(beat).exists():
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)
"""
"""On Windows this signal is TerminateProcess: nothing of the process runs any more."""
LEFT = """
import sys, time
while True:
    open(sys.argv[1], "a").write(".")
    time.sleep(0.2)
"""


@pytest.mark.timeout(4 * LIMIT_S)
def test_what_a_killed_run_started_is_ended_and_its_folder_removed(
    windows_python: WindowsPython, tmp_path: Path
) -> None:
    folder, beat = tmp_path / "runbook-run-any", tmp_path / "beat"
    folder.mkdir()
    words = ["-c", KILLED, to_windows_path(folder), to_windows_path(beat), LEFT]
    done = windows_python.run(words, timeout_s=LIMIT_S)
    assert beat.exists(), done
    deadline = time.monotonic() + LIMIT_S
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not folder.exists()
    size_bytes = beat.stat().st_size
    time.sleep(2)
    assert beat.stat().st_size == size_bytes, "what was left behind lives on"
