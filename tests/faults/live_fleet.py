"""A cluster of real processes over TLS on loopback: a scheduler of Dask's own, and our workers."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from runbook_lib.fleet.certificates import SCHEDULER, WORKER, issue
from runbook_lib.fleet.tls import TlsFiles
from tests.dask_commands import tls_options
from tests.loopback_ports import port_to_give

PATIENCE_S = 240.0


class LiveFleet:
    """Started piece by piece, and ended as a whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certs = folder / "certs"
        issue(self.certs, ["127.0.0.1"], days=2)
        self.port = port_to_give()
        self.url = f"tls://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_scheduler(self) -> None:
        command = [sys.executable, "-m", "dask", "scheduler", "--host", self.url, "--no-dashboard", "--no-jupyter"]
        words = tls_options(TlsFiles.of_role(self.certs, SCHEDULER))
        self._start("scheduler", [*command, *words], self.folder, {})

    def start_worker(self, host: str, *, home: Path | None = None, environ: Mapping[str, str] | None = None) -> None:
        home = home or self.folder / host
        home.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "runbook_lib", *self.words("worker", "--host", host)]
        self._start(host, command, home, environ or {})

    def start_plain_worker(self, host: str) -> None:
        """Start a worker as Dask's own tools do, with a nanny, which knows nothing of us but can import us."""
        home = self.folder / host
        home.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "dask", "worker", self.url, "--name", host, "--no-dashboard"]
        self._start(host, [*command, *tls_options(TlsFiles.of_role(self.certs, WORKER))], home, {})

    def words(self, command: str, *more: str) -> list[str]:
        return ["fleet", command, "--scheduler", self.url, "--certs", str(self.certs), *more]

    def kill(self, name: str) -> None:
        """End a process and its nanny's, as when a machine goes down; a run of ours is a session by itself."""
        _end(self.processes.pop(name))

    def signal(self, name: str, number: signal.Signals) -> None:
        os.kill(self.processes[name].pid, number)

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def wait_for(self, name: str, pattern: str, *, after: int = 0) -> None:
        """Wait until a process has written what the pattern finds, behind a place in what it writes."""
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.said(name)[after:], re.MULTILINE):
            assert time.monotonic() < deadline, f"{name} never said {pattern}:\n{self.said(name)}"
            process = self.processes[name]
            assert process.poll() is None, f"{name} ended with {process.returncode}:\n{self.said(name)}"
            time.sleep(0.1)

    def client(self, name: str, *words: str) -> None:
        self._start(name, [sys.executable, "-m", "runbook_lib", *words], self.folder, {})

    def ended(self, name: str, limit_s: float) -> tuple[int, str]:
        """Return exit code and standard output of a client."""
        code = self.processes.pop(name).wait(limit_s)
        return code, (self.folder / f"{name}.out").read_text(encoding="utf-8")

    def close(self) -> None:
        for process in self.processes.values():
            _end(process)

    def _start(self, name: str, command: list[str], home: Path, environ: Mapping[str, str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log, (self.folder / f"{name}.out").open("wb") as out:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=home,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
