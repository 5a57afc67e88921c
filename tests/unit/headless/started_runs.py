"""Runs of one notebook, each a process that a test ends in its own way; POSIX alone."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from runbook_lib.headless import guardian as guardian_module
from runbook_lib.run.folder import HEADER_NAME
from tests.unit.headless.written_notebooks import WriteNotebook

COMMAND = """
import signal, sys
from pathlib import Path
# Ignored where the tests run in the background of a shell, or under nohup; a run keeps to what it inherits.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from runbook_lib import notebooks
notebooks.NOTEBOOKS = Path(sys.argv.pop(1))
from runbook_lib.cli import main
main()
"""
CELL = """
import subprocess, sys, tempfile, time
from pathlib import Path
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stderr=subprocess.DEVNULL)
with tempfile.TemporaryDirectory(prefix="runbook-convert-"):
    Path(run_dir, "busy").touch()
    try:
        time.sleep({sleep_s})
    finally:
        Path(run_dir, "tidied").touch()
"""
LIMIT_S = 90.0


class Started:
    """A run that was started for a signal, with a temporary folder of its own."""

    def __init__(self, home: Path, notebooks: Path, *variables: tuple[str, str]) -> None:
        self.folder, self.temporary = home / "run", home / "tmp"
        self.temporary.mkdir()
        self._mark = str(home)
        environment = {**os.environ, "TMPDIR": str(self.temporary), "MARK": self._mark, **dict(variables)}
        words = ["run", "--run-dir", str(self.folder), "--only", "convert", "-p", "hub", "http://127.0.0.1:9"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(notebooks), *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )

    def wait_for(self, seen: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not seen():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def end(self, number: int) -> tuple[int, str, str]:
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode, output, errors

    def processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("MARK") == self._mark and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def guardian(self) -> psutil.Process:
        (guardian,) = [process for process in self.processes() if guardian_module.__file__ in process.cmdline()]
        return guardian

    def left(self) -> tuple[list[str], list[psutil.Process]]:
        """Return what the run left behind: temporary files, and processes that do not end."""
        deadline = time.monotonic() + 10
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        return [path.name for path in self.temporary.rglob("*")], self.processes()


@pytest.fixture
def start_run(tmp_path: Path, write_notebook: WriteNotebook) -> Iterator[Callable[..., Started]]:
    """Start a run whose convert stage keeps a temporary folder and a child, and sleeps."""
    begun: list[Started] = []

    def call(cell: str = CELL.format(sleep_s=600)) -> Started:
        begun.append(Started(tmp_path, write_notebook("05_convert", cell).parent))
        return begun[-1]

    yield call
    for started in begun:
        for process in started.processes():
            process.kill()
        started.process.communicate()


MOMENTS: dict[str, Callable[[Started], bool]] = {
    "the run has begun": lambda run: (run.folder / HEADER_NAME).is_file(),
    "the kernel starts": lambda run: any(run.temporary.glob("*/kernel-*.json")),
    "a cell runs": lambda run: (run.folder / "busy").is_file(),
}
