"""The kernel of a run: one notebook after the other, each as if it were alone, and none is left behind."""

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
from runbook_lib.headless.notebook import execute_notebook
from runbook_lib.headless.run_kernel import run_kernel
from runbook_lib.headless.runner import run_stages
from runbook_lib.run.check import Status
from runbook_lib.run.folder import Run, stage_file_stem
from runbook_lib.run.settings import Settings
from tests.unit.headless.test_runner import recording

WriteNotebook = Callable[..., Path]
Kernels = Callable[[], list[int]]

LOOK = """
import json, os
from pathlib import Path
names = sorted(name for name in globals() if not name.startswith("_"))
seen = {{"pid": os.getpid(), "names": names, "counted": len(In), "cwd": os.getcwd()}}
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


def test_one_kernel_executes_the_notebooks_of_a_run_and_each_finds_it_empty(
    tmp_path: Path, write_notebook: WriteNotebook, monkeypatch: pytest.MonkeyPatch, kernels: Kernels
) -> None:
    monkeypatch.setattr(notebooks_module, "NOTEBOOKS", tmp_path / "notebooks")
    run = Run.create(tmp_path / "run", {}, {})
    for stage, status in (("detect", "ok"), ("download", "fail"), ("verify", "ok")):
        write_notebook(stage_file_stem(stage), LOOK.format(stage=stage), "left = 1", recording(stage, status))
    summary = run_stages(run, Settings(), ("detect", "download", "verify"), lambda _event: None)
    assert [outcome.status for outcome in summary.outcomes] == [Status.OK, Status.FAIL, Status.SKIP]
    first, second = (json.loads((run.folder / f"{name}.seen").read_text()) for name in ("detect", "download"))
    assert second == first
    executed = [nbformat.read(run.folder / f"{stage_file_stem(name)}.ipynb", 4) for name in ("detect", "download")]
    counts = [[cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] for notebook in executed]
    assert counts[0] == counts[1] == [1, 2, 3, 4, 5]
    assert kernels() == []


def test_a_notebook_after_one_whose_kernel_died_has_a_new_one(
    tmp_path: Path, write_notebook: WriteNotebook, kernels: Kernels
) -> None:
    dying, living = write_notebook("dying", "import os; os._exit(1)"), write_notebook("living", "print(6 * 7)")
    with run_kernel(tmp_path) as known:
        outcome = execute_notebook(dying, tmp_path / "dying.ipynb", {}, cell_limit_s=60, kernel_of_run=known)
        assert "kernel died" in outcome.problem
        for _ in range(2):
            outcome = execute_notebook(living, tmp_path / "living.ipynb", {}, cell_limit_s=60, kernel_of_run=known)
            assert outcome.problem == ""
        assert len(kernels()) == 1
    executed = nbformat.read(tmp_path / "living.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == "42\n"
    assert kernels() == []


def test_a_kernel_that_dies_between_two_notebooks_is_a_failure_of_the_second(
    tmp_path: Path, write_notebook: WriteNotebook, kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_notebook("any")
    with run_kernel(tmp_path) as known:
        execute_notebook(source, tmp_path / "first.ipynb", {}, cell_limit_s=60, kernel_of_run=known)
        taken = known.of(source)
        monkeypatch.setattr(known, "of", lambda _notebook: taken)
        (pid,) = kernels()
        psutil.Process(pid).kill()
        outcome = execute_notebook(source, tmp_path / "second.ipynb", {}, cell_limit_s=60, kernel_of_run=known)
    assert "kernel died" in outcome.problem
    assert kernels() == []


@pytest.mark.skipif(sys.platform == "win32", reason="folders are read-only there in another way")
def test_one_that_is_not_used_because_nothing_can_be_written_is_gone_and_not_blamed(
    tmp_path: Path, write_notebook: WriteNotebook, kernels: Kernels
) -> None:
    source = write_notebook("any")
    with run_kernel(tmp_path) as known:
        with pytest.raises((RunbookError, OSError)) as caught:
            execute_notebook(source, Path("/proc/none/out.ipynb"), {}, cell_limit_s=60, kernel_of_run=known)
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

    async def cell() -> str:
        with run_kernel(tmp_path) as known:
            return execute_notebook(source, tmp_path / "out.ipynb", {}, cell_limit_s=60, kernel_of_run=known).problem

    with ThreadPoolExecutor(1) as thread:  # in this thread a browser's loop may run
        assert thread.submit(asyncio.run, cell()).result(timeout=60) == ""
    assert kernels() == []
