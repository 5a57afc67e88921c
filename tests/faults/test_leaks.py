"""What was opened is closed: files, threads and processes after many hubs, runs and kernels."""

import gc
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import nbformat
import psutil
import pytest

from runbook_lib import configure_env, measure_disk
from runbook_lib import notebooks as notebooks_module
from runbook_lib.core.log import end_logs
from runbook_lib.headless.runner import run_stages
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.folder import Run
from runbook_lib.run.opening import open_run
from runbook_lib.run.settings import Settings
from runbook_lib.workers.host import Interpreter
from runbook_lib.workers.process_tree import end_tree

pytestmark = [
    pytest.mark.faults,
    pytest.mark.usefixtures("in_tmp_path"),
    pytest.mark.skipif(sys.platform != "linux", reason="open files are counted in /proc"),
]

Repeatedly = Callable[[Callable[[int], object], int], None]

_RUNS = 50
_HUBS = 30
_WORKERS = 15
_KERNELS = 4
_LAB_START_LIMIT_S = 120.0


@dataclass(frozen=True)
class Held:
    """What this process holds."""

    files: int
    threads: int
    children: int
    temporary: frozenset[str]


def held() -> Held:
    gc.collect()
    this = psutil.Process()
    return Held(
        files=this.num_fds(),
        threads=threading.active_count(),
        children=len(this.children(recursive=True)),
        temporary=frozenset(path.name for path in Path(tempfile.gettempdir()).glob("runbook-*")),
    )


@pytest.fixture
def repeatedly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repeatedly]:
    """Do something once, for what is loaded and kept for good, then `times` times more; nothing may have grown."""
    own = tmp_path / "temporary"
    own.mkdir()
    monkeypatch.setenv("TMPDIR", str(own))
    monkeypatch.setattr(tempfile, "tempdir", str(own))

    def check(act: Callable[[int], object], times: int) -> None:
        act(0)
        before = held()
        for number in range(1, times + 1):
            act(number)
        assert held() == before

    yield check
    end_logs()


def test_practice_hubs_leave_no_socket_and_no_thread(
    repeatedly: Repeatedly,
) -> None:
    def serve(_number: int) -> None:
        with PracticeHub():
            pass

    repeatedly(serve, _HUBS)


def test_runs_leave_no_file_open(repeatedly: Repeatedly) -> None:
    def run_once(number: int) -> None:
        run = open_run(
            new=True,
            run_dir=f"runs/{number}",
            models="org/name",
            cache_dir="hub",
            artifacts_dir="artifacts",
            offline=True,
        )
        configure_env(run)
        measure_disk(run)

    repeatedly(run_once, _RUNS)


def test_workers_leave_no_process_and_no_pipe(repeatedly: Repeatedly) -> None:
    repeatedly(lambda _number: Interpreter().run("list_site_folders", limit_s=60.0), _WORKERS)


def test_kernels_leave_no_process_no_port_and_no_connection_file(
    repeatedly: Repeatedly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    monkeypatch.setattr(notebooks_module, "NOTEBOOKS", notebooks)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    parameters = nbformat.v4.new_code_cell('run_dir: str = ""', metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[parameters], metadata=kernel), notebooks / "01_detect.ipynb")

    def execute(number: int) -> None:
        run = Run.create(tmp_path / f"run-{number}", {}, {})
        run_stages(run, Settings(), ("detect",), lambda _event: None)

    repeatedly(execute, _KERNELS)
    assert [path for path in (tmp_path / "runtime").glob("*") if path.name.startswith("kernel-")] == []


def test_the_lab_holds_no_more_after_kernels_came_and_went_and_ends_whole(tmp_path: Path) -> None:
    """The server as people start it; its kernels by its own interface, which the browser uses, too."""
    runtime = tmp_path / "runtime"
    command = [sys.executable, "-m", "runbook_lib", "lab", "--workspace", "workspace", "--no-browser", "--port", "0"]
    log = tmp_path / "server.log"
    with log.open("w", encoding="utf-8") as stream:
        server = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        url, token = _address_in(log, server)
        with httpx.Client(base_url=url, headers={"Authorization": f"token {token}"}, timeout=60.0) as client:
            _kernel_comes_and_goes(client)
            before = _held_by(server.pid)
            for _ in range(_KERNELS):
                _kernel_comes_and_goes(client)
            assert _held_by(server.pid) == before
            client.post("/api/shutdown").raise_for_status()
        assert server.wait(timeout=60.0) == 0, log.read_text(encoding="utf-8")
    finally:
        end_tree(server.pid)
        server.wait()
    assert [path.name for path in runtime.iterdir() if path.name.startswith(("kernel-", "jpserver-"))] == []


def _address_in(log: Path, server: "subprocess.Popen[bytes]") -> tuple[str, str]:
    deadline = time.monotonic() + _LAB_START_LIMIT_S
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab\S*[?&]token=(\w+)", log.read_text(encoding="utf-8")):
            return found[1], found[2]
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')}")


def _kernel_comes_and_goes(client: httpx.Client) -> None:
    started = client.post("/api/kernels", json={"name": "runbook"})
    started.raise_for_status()
    client.delete(f"/api/kernels/{started.json()['id']}").raise_for_status()


def _held_by(pid: int) -> tuple[int, int]:
    """Return the open files and children of a process once they are few: what ends takes a moment to be gone."""
    server, counts = psutil.Process(pid), []
    for _ in range(20):
        counts.append((server.num_fds(), len(server.children(recursive=True))))
        time.sleep(0.1)
    return min(counts)
