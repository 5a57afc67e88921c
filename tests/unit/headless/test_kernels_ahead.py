"""Kernels that are started before their turn: the same kernels as otherwise, and none is left behind."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import pytest

from runbook_lib import notebooks as notebooks_module
from runbook_lib.errors import RunbookError
from runbook_lib.headless.kernels_ahead import kernels_ahead
from runbook_lib.headless.notebook import execute_notebook
from runbook_lib.headless.runner import run_stages
from runbook_lib.run.check import Status
from runbook_lib.run.folder import Run, stage_file_stem
from runbook_lib.run.settings import Settings
from tests.unit.headless.test_runner import recording

WriteNotebook = Callable[..., Path]
Kernels = Callable[[], list[int]]

LOOK = """
import json, os, time, psutil
from pathlib import Path
time.sleep({pause_s})
began = psutil.Process().create_time()
seen = {{"began": began, "ended": time.time(), "variables": dict(os.environ), "cwd": os.getcwd()}}
Path(run_dir, {stage!r} + ".seen").write_text(json.dumps(seen))
"""


@pytest.fixture
def kernels() -> Kernels:
    """List the kernels that this process has started since, by their pids; other tests may have some."""

    def started() -> set[int]:
        children = psutil.Process().children(recursive=True)
        return {child.pid for child in children if "ipykernel" in " ".join(cmdline(child))}

    before = started()
    return lambda: sorted(started() - before)


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_the_next_kernel_waits_for_its_turn_with_the_same_variables_and_the_one_not_needed_is_gone(
    tmp_path: Path, write_notebook: WriteNotebook, monkeypatch: pytest.MonkeyPatch, kernels: Kernels
) -> None:
    monkeypatch.setattr(notebooks_module, "NOTEBOOKS", tmp_path / "notebooks")
    run = Run.create(tmp_path / "run", {}, {})
    for stage, status, pause_s in (("detect", "ok", 2), ("download", "fail", 0), ("verify", "ok", 0)):
        write_notebook(stage_file_stem(stage), recording(stage, status), LOOK.format(stage=stage, pause_s=pause_s))
    summary = run_stages(run, Settings(), ("detect", "download", "verify"), lambda _event: None)
    assert [outcome.status for outcome in summary.outcomes] == [Status.OK, Status.FAIL, Status.SKIP]
    first, second = (json.loads((run.folder / f"{name}.seen").read_text()) for name in ("detect", "download"))
    assert second["began"] < first["ended"]
    assert second["cwd"] == first["cwd"]
    own = {"JPY_PARENT_PID", "JPY_SESSION_NAME"}
    assert {k: v for k, v in second["variables"].items() if k not in own} == {
        k: v for k, v in first["variables"].items() if k not in own
    }
    assert kernels() == []


def test_one_that_died_while_it_waited_is_replaced(
    tmp_path: Path, write_notebook: WriteNotebook, kernels: Kernels
) -> None:
    source = write_notebook("any", "print(6 * 7)")
    with kernels_ahead(tmp_path) as known:
        known.begin(source)
        while not (waiting := kernels()):
            pass
        psutil.Process(waiting[0]).kill()
        psutil.wait_procs([psutil.Process(waiting[0])], timeout=10)
        assert execute_notebook(source, tmp_path / "out.ipynb", {}, cell_limit_s=60, kernels=known).problem == ""
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == "42\n"
    assert kernels() == []


@pytest.mark.skipif(sys.platform == "win32", reason="folders are read-only there in another way")
def test_one_that_is_not_used_because_nothing_can_be_written_is_gone_and_not_blamed(
    tmp_path: Path, write_notebook: WriteNotebook, kernels: Kernels
) -> None:
    source = write_notebook("any")
    with kernels_ahead(tmp_path) as known:
        known.begin(source)
        with pytest.raises((RunbookError, OSError)) as caught:
            execute_notebook(source, Path("/proc/none/out.ipynb"), {}, cell_limit_s=60, kernels=known)
        assert "kernel" not in str(caught.value).lower()
        assert kernels() == []


def test_papermill_knows_the_engine_by_its_name(tmp_path: Path, write_notebook: WriteNotebook) -> None:
    source = write_notebook("any", "import os", "print(os.getpid())")
    command = [sys.executable, "-m", "papermill", "--engine", "runbook", str(source), str(tmp_path / "out.ipynb")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert not psutil.pid_exists(int(executed.cells[-1].outputs[0].text))


def test_one_starts_and_goes_where_an_event_loop_runs_already_as_in_a_notebook(
    tmp_path: Path, write_notebook: WriteNotebook, kernels: Kernels
) -> None:
    source = write_notebook("any")

    async def cell() -> int:
        with kernels_ahead(tmp_path) as known:
            known.begin(source)
            while not (started := kernels()):
                await asyncio.sleep(0.01)
            return len(started)

    with ThreadPoolExecutor(1) as thread:  # in this thread a browser's loop may run
        assert thread.submit(asyncio.run, cell()).result(timeout=60) == 1
    assert kernels() == []
