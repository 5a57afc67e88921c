"""Real signals to a real `runbook run`: wherever they strike, it says so, and nothing is left."""

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from runbook_lib.headless import guardian as guardian_module
from runbook_lib.headless.interruption import noted_signals
from runbook_lib.headless.scratch import scratch_folder
from runbook_lib.run.folder import HEADER_NAME
from tests.unit.headless.started_runs import LIMIT_S, MOMENTS, Started

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="POSIX signals; tests/windows has Ctrl-Break"),
    pytest.mark.xdist_group("signals"),
]

DETACHED = """
import subprocess, sys, time
from pathlib import Path
sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
away = "import subprocess, sys; null = subprocess.DEVNULL; "
away += "print(subprocess.Popen(sys.argv[1:], stdout=null, stderr=null, start_new_session=True).pid)"
found = subprocess.run([sys.executable, "-c", away, *sleeping], stdout=subprocess.PIPE, text=True, check=True)
Path(run_dir, "busy.tmp").write_text(found.stdout)
Path(run_dir, "busy.tmp").rename(Path(run_dir, "busy"))
time.sleep(600)  # the cell
"""
"""Starts a process that no parent knows any more, in a session of its own."""


@pytest.mark.parametrize(
    ("moment", "name", "exit_code"),
    [
        ("the run has begun", "SIGTERM", 143),
        ("the kernel starts", "SIGTERM", 143),
        ("the kernel starts", "SIGINT", 130),
        ("a cell runs", "SIGTERM", 143),
        ("a cell runs", "SIGHUP", 129),
        ("a cell runs", "SIGINT", 130),
    ],
)
def test_a_signal_ends_the_run_with_a_word_and_leaves_nothing(
    start_run: Callable[..., Started], moment: str, name: str, exit_code: int
) -> None:
    run = start_run()
    run.wait_for(lambda: MOMENTS[moment](run))
    code, output, errors = run.end(getattr(signal, name))
    assert (code, output) == (exit_code, "")
    assert errors.splitlines()[-1] == (
        f"{name}: finished stages are kept; go on with runbook run --run-dir {run.folder} --resume"
    )
    assert "Traceback" not in errors
    assert "never awaited" not in errors
    header = json.loads((run.folder / HEADER_NAME).read_text(encoding="utf-8"))
    assert (header["state"], header["problem"]) == ("interrupted", f"interrupted by {name}")
    assert f"interrupted by {name}" in (run.folder / "report.html").read_text(encoding="utf-8")
    assert run.left() == ([], [])
    assert (run.folder / "tidied").is_file() == (moment == "a cell runs")


def test_a_second_signal_is_not_asked_to_wait(start_run: Callable[..., Started]) -> None:
    stubborn = "import time\nfrom pathlib import Path\nPath(run_dir, 'busy').touch()\nwhile True:\n    try:\n"
    run = start_run(f"{stubborn}        time.sleep(600)\n    except KeyboardInterrupt:\n        pass")
    run.wait_for(lambda: MOMENTS["a cell runs"](run))
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert run.end(signal.SIGINT)[0] == 130
    assert run.left() == ([], [])


def test_a_kernel_that_is_killed_leaves_nothing_either(start_run: Callable[..., Started]) -> None:
    run = start_run()
    run.wait_for(lambda: MOMENTS["a cell runs"](run))
    (kernel,) = [process for process in run.processes() if "ipykernel_launcher" in process.cmdline()]
    kernel.kill()
    output, _ = run.process.communicate(timeout=LIMIT_S)
    assert run.process.returncode == 1
    assert "The kernel died" in output
    assert run.left() == ([], [])


def test_a_run_that_is_killed_takes_along_what_its_cells_started_and_its_temporary_files(
    start_run: Callable[..., Started],
) -> None:
    run = start_run(DETACHED)
    run.wait_for(lambda: MOMENTS["a cell runs"](run))
    assert int((run.folder / "busy").read_text()) in [process.pid for process in run.processes()]
    os.killpg(run.process.pid, signal.SIGKILL)
    run.process.communicate(timeout=LIMIT_S)
    assert run.left() == ([], [])


def test_what_a_run_left_that_was_killed_with_its_guardian_the_next_one_ends_and_removes(
    start_run: Callable[..., Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start_run(DETACHED)
    run.wait_for(lambda: MOMENTS["a cell runs"](run))
    run.guardian().kill()
    run.process.kill()
    run.process.wait()
    detached = psutil.Process(int((run.folder / "busy").read_text()))
    (folder,) = run.temporary.glob("runbook-run-*")
    os.utime(folder, (0, 0))
    assert detached.is_running()
    monkeypatch.setattr(tempfile, "tempdir", str(run.temporary))
    with scratch_folder() as own:
        assert list(run.temporary.iterdir()) == [own]
    run.process.communicate(timeout=LIMIT_S)
    assert run.left() == ([], [])


def test_a_run_that_ends_by_itself_leaves_no_process_of_a_cell_either(start_run: Callable[..., Started]) -> None:
    run = start_run(DETACHED.replace("time.sleep(600)  # the cell", "pass"))
    run.process.communicate(timeout=LIMIT_S)
    assert (run.folder / "busy").is_file()
    assert run.left() == ([], [])


def test_a_guardian_that_does_not_end_holds_no_run_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = tmp_path / "deaf.py"
    deaf.write_text("import time; time.sleep(600)", encoding="utf-8")
    monkeypatch.setattr(guardian_module, "__file__", str(deaf))
    monkeypatch.setattr(guardian_module, "_LIMIT_S", 0.2)
    began = time.monotonic()
    with guardian_module.guarded(tmp_path):
        (guardian,) = [child for child in psutil.Process().children() if str(deaf) in child.cmdline()]
    assert time.monotonic() - began < 60
    assert not guardian.is_running()


def test_what_is_ignored_stays_ignored_and_what_was_set_comes_back() -> None:
    hung_up = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with noted_signals() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interruption.is_noted
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            assert (interruption.name, interruption.exit_code, interruption.count) == ("SIGTERM", 143, 2)
        assert signal.getsignal(signal.SIGTERM) is before
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, hung_up)
        signal.signal(signal.SIGINT, ctrl_c)
