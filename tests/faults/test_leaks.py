"""What was opened is closed: files, threads and processes after many hubs, runs and kernels."""

import gc
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

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
