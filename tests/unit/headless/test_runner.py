"""Tiny notebooks through papermill: whatever happens to a kernel, the outcome is true."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from runbook_lib import notebooks as notebooks_module
from runbook_lib.core.log import end_logs, events_to_stderr
from runbook_lib.errors import UsageError
from runbook_lib.headless import execution, notebook
from runbook_lib.headless.events import StageStarted
from runbook_lib.headless.notebook import execute_notebook
from runbook_lib.headless.runner import run_stages
from runbook_lib.headless.summary import RunSummary, StageOutcome
from runbook_lib.headless.twin import plain_text
from runbook_lib.notebooks import find_notebook
from runbook_lib.run.check import Status
from runbook_lib.run.folder import Run, RunState, stage_file_stem
from runbook_lib.run.settings import Settings
from runbook_lib.system.progress import HEADLESS_VARIABLE

WriteNotebook = Callable[..., Path]
Execute = Callable[..., RunSummary]

RECORD = """
from datetime import UTC, datetime
from pathlib import Path
from runbook_lib.run.check import Check
from runbook_lib.run.folder import Run
from runbook_lib.run.record import RawFacts, StageRecord
checks = (Check(id="c", title="a title", status={status!r}, evidence="seen", remedy="do this"),)
now = datetime.now(UTC)
record = StageRecord[RawFacts](stage={stage!r}, started_at=now, elapsed_s=0, facts=RawFacts(), checks=checks)
Run(Path(run_dir)).save(record)
"""
LOOK = f"import os; from pathlib import Path; Path(run_dir, 'seen').write_text(os.environ[{HEADLESS_VARIABLE!r}])"
DIE = "import os, signal\nos.kill(os.getpid(), 9)"


def recording(stage: str, status: str = "ok") -> str:
    return RECORD.format(stage=stage, status=status)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "my run {x} ä", {}, {})


@pytest.fixture
def execute(run: Run, write_notebook: WriteNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Execute:
    """Run stages through notebooks of the test; returns the summary."""
    monkeypatch.setattr(notebooks_module, "NOTEBOOKS", tmp_path / "notebooks")

    def call(listener: Callable[[Any], None] = lambda _event: None, **notebooks: tuple[str, ...]) -> RunSummary:
        for stage, cells in notebooks.items():
            write_notebook(stage_file_stem(stage), *cells)
        return run_stages(run, Settings(), tuple(notebooks), listener)

    return call


def state(run: Run) -> tuple[RunState, str]:
    header = run.header()
    return header.state, header.problem


def test_stages_that_end_well(run: Run, execute: Execute) -> None:
    events: list[Any] = []
    summary = execute(events.append, detect=(recording("detect"), LOOK), verify=(recording("verify", "warn"),))
    assert [(outcome.stage, outcome.status) for outcome in summary.outcomes] == [
        ("detect", Status.OK),
        ("verify", Status.WARN),
    ]
    assert summary.status is Status.WARN
    assert state(run) == (RunState.FINISHED, "")
    assert run.header().stages == ("detect", "verify")
    assert [type(event) for event in events] == [StageStarted, StageOutcome] * 2
    executed = nbformat.read(run.folder / "01_detect.ipynb", as_version=4)
    assert "injected-parameters" in executed.cells[1].metadata.tags
    assert (run.folder / "report.html").is_file()
    assert (run.folder / "seen").read_text(encoding="utf-8") == "1"
    assert HEADLESS_VARIABLE not in os.environ


def test_a_failed_check_skips_what_comes_after(run: Run, execute: Execute) -> None:
    failing = (recording("detect", "fail"), "raise SystemError('require')")
    summary = execute(detect=failing, verify=(recording("verify"),))
    first, second = summary.outcomes
    assert (first.status, first.said, first.problem) == (Status.FAIL, "does not hold: a title", "")
    assert first.failed_check is not None
    assert first.failed_check.remedy == "do this"
    assert (second.status, second.said) == (Status.SKIP, "skipped: detect failed")
    assert not run.has("verify")
    assert state(run)[0] is RunState.FAILED


def test_a_cell_that_raises_before_the_record_is_a_failure_with_its_words(run: Run, execute: Execute) -> None:
    summary = execute(detect=("raise ValueError('no such thing')", recording("detect")))
    assert summary.outcomes[0].problem == "ValueError: no such thing"
    assert state(run) == (RunState.FAILED, "ValueError: no such thing")
    assert not run.has("detect")


def test_a_cell_that_raises_after_a_good_record_is_a_failure_all_the_same(execute: Execute) -> None:
    summary = execute(detect=(recording("detect"), "raise ValueError('afterwards')"))
    assert (summary.status, summary.outcomes[0].problem) == (Status.FAIL, "ValueError: afterwards")


@pytest.mark.skipif(os.name == "nt", reason="no signal 9 there")
def test_a_killed_kernel_is_a_failure_in_record_and_notebook(run: Run, execute: Execute) -> None:
    summary = execute(convert=(DIE, recording("convert")))
    assert summary.status is Status.FAIL
    assert "kernel died" in summary.outcomes[0].problem
    assert state(run) == (RunState.FAILED, summary.outcomes[0].problem)
    executed = nbformat.read(run.folder / "05_convert.ipynb", as_version=4)
    assert "did not end well" in executed.cells[0].source
    assert executed.metadata.papermill.exception is True
    assert "kernel died" in (run.folder / "report.html").read_text(encoding="utf-8")


def test_the_record_of_an_earlier_execution_does_not_count(run: Run, execute: Execute) -> None:
    run.record_path("detect").write_text("{}", encoding="utf-8")
    summary = execute(detect=("1 + 1",))
    assert (summary.status, summary.outcomes[0].problem) == (Status.FAIL, "the notebook ended without a record")


def test_an_interruption_is_noted_and_passed_on(run: Run, execute: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(execution, "execute_notebook", interrupt)
    with pytest.raises(KeyboardInterrupt):
        execute(detect=("1 + 1",))
    assert state(run) == (RunState.INTERRUPTED, "interrupted")


def test_a_cell_ends_at_its_limit(write_notebook: WriteNotebook, tmp_path: Path) -> None:
    source = write_notebook("slow", "import time; time.sleep(60)")
    done = execute_notebook(source, tmp_path / "out.ipynb", {}, cell_limit_s=2)
    assert done.problem == "A cell was stopped after 2 s."


def test_an_exercise_is_left_to_people(write_notebook: WriteNotebook, tmp_path: Path) -> None:
    source = write_notebook("lesson", "raise SystemError('asked')", "print('went on')")
    lesson = nbformat.read(source, as_version=4)
    lesson.cells[1].metadata["tags"] = ["exercise"]
    nbformat.write(lesson, source)
    assert execute_notebook(source, tmp_path / "out.ipynb", {}, cell_limit_s=60).problem == ""
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [cell.outputs for cell in executed.cells if cell.metadata.get("tags") == ["exercise"]] == [[]]
    assert executed.cells[-1].outputs[0]["text"] == "went on\n"


def test_what_a_kernel_logs_about_itself_stays_out_of_the_terminal(
    write_notebook: WriteNotebook, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = write_notebook("loud", "get_ipython().kernel.log.error('KeyboardInterrupt caught in kernel.')")
    assert execute_notebook(source, tmp_path / "out.ipynb", {}, cell_limit_s=60).problem == ""
    assert capfd.readouterr().err == ""


def test_parameters_arrive_as_they_are(write_notebook: WriteNotebook, tmp_path: Path) -> None:
    hostile = "C:\\new\\{x} 'q' \"d\" ü\n$HOME"
    code = "import json; from pathlib import Path\nPath('seen.json').write_text(json.dumps(run_dir))"
    source = write_notebook("echo", f"import os; os.chdir({str(tmp_path)!r})", code)
    output = tmp_path / "out {x}.ipynb"
    assert execute_notebook(source, output, {"run_dir": hostile}, cell_limit_s=60).problem == ""
    assert json.loads((tmp_path / "seen.json").read_text(encoding="utf-8")) == hostile
    assert output.is_file()


def test_a_missing_notebook_says_where_it_should_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks_module, "NOTEBOOKS", tmp_path)
    with pytest.raises(UsageError) as caught:
        find_notebook("01_detect")
    assert str(tmp_path) in caught.value.why


def test_a_missing_kernel_is_wrong_usage(write_notebook: WriteNotebook, tmp_path: Path) -> None:
    source = write_notebook("any")
    node = nbformat.read(source, as_version=4)
    node.metadata.kernelspec.name = "no-such-kernel"
    nbformat.write(node, source)
    with pytest.raises(UsageError, match="No Jupyter kernel"):
        execute_notebook(source, tmp_path / "out.ipynb", {}, cell_limit_s=60)


def broken_kernel(place: Path, *argv: str) -> None:
    """Register a kernel `broken` that is started with these words."""
    folder = place / "kernels" / "broken"
    folder.mkdir(parents=True)
    spec = {"argv": list(argv), "display_name": "broken", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    os.environ["JUPYTER_PATH"] = str(place)


def with_broken_kernel(source: Path) -> Path:
    node = nbformat.read(source, as_version=4)
    node.metadata.kernelspec.name = "broken"
    nbformat.write(node, source)
    return source


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("/gone/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"), "/gone/bin/python cannot be"),
        ((sys.executable, "-S", "-m", "ipykernel_launcher", "-f", "{connection_file}"), "it may lack ipykernel"),
    ],
    ids=["no Python", "no ipykernel"],
)
def test_a_kernel_that_cannot_start_is_wrong_usage_and_says_why(
    write_notebook: WriteNotebook, tmp_path: Path, argv: tuple[str, ...], said: str
) -> None:
    broken_kernel(tmp_path, *argv)
    with pytest.raises(UsageError, match="No Jupyter kernel") as caught:
        execute_notebook(with_broken_kernel(write_notebook("any")), tmp_path / "out.ipynb", {}, cell_limit_s=60)
    assert said in caught.value.why


def test_a_kernel_that_does_not_answer_ends_at_its_limit(
    write_notebook: WriteNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook, "_START_TIMEOUT_S", 2)
    broken_kernel(tmp_path, sys.executable, "-c", "import time; time.sleep(600)", "{connection_file}")
    done = execute_notebook(with_broken_kernel(write_notebook("any", "1")), tmp_path / "out.ipynb", {}, cell_limit_s=60)
    assert done.problem == "The kernel did not start within 2 s."
    executed = nbformat.read(done.output, as_version=4)
    assert "did not start" in executed.cells[0].source
    assert not [child for child in psutil.Process().children() if "time.sleep(600)" in child.cmdline()]


def test_a_cell_that_exits_without_a_record_has_failed(run: Run, execute: Execute) -> None:
    summary = execute(detect=("import sys\nsys.exit(0)", recording("detect")))
    assert summary.status is Status.FAIL
    assert state(run) == (RunState.FAILED, "the notebook ended without a record")


def test_what_a_kernel_and_its_children_print_stays_out_of_stdout(
    write_notebook: WriteNotebook, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    launch = "import os; os.write(1, b'noise'); os.system('echo noise'); from ipykernel.kernelapp import main; main()"
    broken_kernel(tmp_path, sys.executable, "-c", launch, "-f", "{connection_file}")
    source = write_notebook("loud", "import os, sys\nos.write(1, b'noise')\nos.system('echo noise')\nprint('noise')")
    assert execute_notebook(with_broken_kernel(source), tmp_path / "out.ipynb", {}, cell_limit_s=60).problem == ""
    out, err = capfd.readouterr()
    assert (out, "noise" in err) == ("", True)


def test_an_executed_notebook_holds_its_source_once(write_notebook: WriteNotebook, tmp_path: Path) -> None:
    source = write_notebook("once", f"marker = {'a' * 2000!r}")
    output = tmp_path / "out.ipynb"
    execute_notebook(source, output, {}, cell_limit_s=60)
    assert output.read_text(encoding="utf-8").count("a" * 2000) == 1


def test_events_are_lines_of_json_with_ids_and_an_end(
    run: Run, execute: Execute, capsys: pytest.CaptureFixture[str]
) -> None:
    events_to_stderr()
    try:
        execute(detect=(recording("detect", "fail"),), verify=(recording("verify"),))
    finally:
        end_logs()
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    name = run.folder.name
    assert [(one["event"], one["id"], one["finished"]) for one in told] == [
        ("run_began", name, False),
        ("stage_began", f"{name}/detect", False),
        ("stage_ended", f"{name}/detect", True),
        ("stage_ended", f"{name}/verify", True),
        ("run_ended", name, True),
    ]
    assert (told[2]["status"], told[3]["status"], told[4]["exit_code"]) == ("fail", "skip", 1)
    assert (run.folder / "junit.xml").is_file()
    assert (run.folder / "summary.txt").read_text(encoding="utf-8").startswith("Verdict")


def test_a_copy_that_fails_is_said_and_goes_with_the_next_run(
    run: Run, execute: Execute, write_notebook: WriteNotebook, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    settings = Settings(copy_to=share.as_uri())
    execute()  # where the notebooks are
    write_notebook(stage_file_stem("detect"), recording("detect"))
    summary = run_stages(run, settings, ("detect",), lambda _event: None)
    assert (summary.status, summary.exit_code) == (Status.OK, 0)
    assert state(run) == (RunState.FINISHED, "")
    assert f"There is no folder {share}" in plain_text(summary)
    share.mkdir()
    second = Run.create(run.folder.with_name("second"), {}, {})
    assert run_stages(second, settings, ("detect",), lambda _event: None).asides == ()
    assert {path.parent.name for path in share.glob("*/run.json")} == {run.folder.name, "second"}
    assert (share / "second" / "report.html").read_bytes() == (second.folder / "report.html").read_bytes()
