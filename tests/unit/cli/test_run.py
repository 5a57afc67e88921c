"""`runbook run`: exit codes, streams, and what is refused before any kernel starts."""

import importlib.util
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from runbook_lib.checks.probes import program
from runbook_lib.checks.probes.program import EXPECTED
from runbook_lib.cli import main, runbook
from runbook_lib.errors import UsageError
from runbook_lib.headless import runner
from runbook_lib.headless.summary import RunSummary, StageOutcome
from runbook_lib.run.check import Status
from runbook_lib.run.folder import STAGES, Run
from runbook_lib.run.interpreter import packages_of, versions_of
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.run.settings import Settings
from tests.command_line import Command, Ended

pytestmark = pytest.mark.usefixtures("in_tmp_path")

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Invoke the command line with stages that end as the test says; `ran` is kept in the result of the run."""

    def call(*words: str, **statuses: str) -> Result:
        def run_stages(
            run: Run, _settings: Any, stages: tuple[str, ...], listener: Any, _interruption: Any
        ) -> RunSummary:
            (run.folder / "ran").write_text(" ".join(stages), encoding="utf-8")
            outcomes = [StageOutcome(stage, Status(statuses.get(stage, "ok")), 0.5, "said") for stage in stages]
            for outcome in outcomes:
                listener(outcome)
            return RunSummary(run.folder, tuple(outcomes), proved=False)

        monkeypatch.setattr(runner, "run_stages", run_stages)
        return CliRunner().invoke(runbook, ["run", *words], standalone_mode=False)

    return call


def stages_of(folder: str) -> tuple[str, ...]:
    return tuple(Path(folder, "ran").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    ("words", "status", "exit_code"),
    [((), "ok", 0), ((), "warn", 0), (("--strict",), "warn", 1), (("--strict",), "ok", 0), ((), "fail", 1)],
)
def test_the_exit_code_follows_the_worst_stage(
    invoke: Invoke, words: tuple[str, ...], status: str, exit_code: int
) -> None:
    result = invoke("--run-dir", "r", *words, verify=status)
    assert result.return_value == exit_code
    assert stages_of("r") == STAGES


@pytest.mark.parametrize(
    ("words", "stages"),
    [
        (("--only", "verify"), ("verify",)),
        (("--from", "verify"), ("verify", "convert", "measure_disk")),
        (("--resume",), STAGES),
    ],
)
def test_stages_can_be_chosen(invoke: Invoke, words: tuple[str, ...], stages: tuple[str, ...]) -> None:
    if "--only" not in words:
        invoke("--run-dir", "r", "--only", "detect")
    invoke("--run-dir", "r", *words)
    assert stages_of("r") == stages


@pytest.mark.parametrize("option", [("--resume",), ("--from", "verify")])
@pytest.mark.parametrize("named", [(), ("--run-dir", "typo")])
def test_there_is_nothing_to_continue_where_no_run_is_named_or_found(
    ended: Ended, option: tuple[str, ...], named: tuple[str, ...]
) -> None:
    code, out, err = ended("run", *option, *named)
    assert (code, out) == (2, "")
    assert "There is no run in" in err if named else "none is named" in err
    assert list(Path().iterdir()) == []


def test_a_run_whose_stages_all_ended_well_has_nothing_to_resume(ended: Ended, tmp_path: Path) -> None:
    run = Run.create(
        tmp_path / "r", Settings().model_dump(mode="json"), dict.fromkeys(Settings.model_fields, "default")
    )
    packages = versions_of(packages_of(Settings()))
    for name in ("env.sh", "env.ps1", ".env"):
        (run.folder / name).touch()
    for stage in STAGES:
        facts = RawFacts(interpreter={"packages": packages})
        run.save(StageRecord[RawFacts](stage=stage, started_at=datetime.now(UTC), elapsed_s=0.0, facts=facts))
    code, _, err = ended("run", "--run-dir", str(run.folder), "--resume")
    assert code == 2
    assert "There is nothing to resume" in err
    assert [line.split()[:2] for line in err.splitlines()[:6]] == [["kept", f"{stage}:"] for stage in STAGES]


def test_choices_that_exclude_each_other_leave_no_folder(invoke: Invoke) -> None:
    result = invoke("--run-dir", "r", "--only", "verify", "--resume")
    assert isinstance(result.exception, UsageError)
    assert not Path("r").exists()


def test_json_is_one_document_on_stdout_and_progress_on_stderr(invoke: Invoke) -> None:
    result = invoke("--run-dir", "r", "--json", "--only", "detect")
    document = json.loads(result.stdout)
    assert set(document) == {"practice", "status", "verdict", "run", "run_dir", "stages"}
    assert (document["status"], document["run_dir"]) == ("ok", str(Path.cwd() / "r"))
    assert document["run"]["schema_version"] == 2
    assert "run folder: " in result.stderr


def test_without_json_the_summary_is_for_people(invoke: Invoke) -> None:
    result = invoke("--run-dir", "r", "--only", "detect")
    assert "Verdict" in result.stdout
    assert str(Path.cwd() / "r") in result.stdout


def test_practice_is_short_for_the_hub_parameter(invoke: Invoke) -> None:
    invoke("--practice", "--run-dir", "r", "-p", "links", "copy")
    settings = Run(Path("r")).header().settings
    assert (settings["hub"], settings["links"]) == ("practice", "copy")


def test_an_unknown_parameter_ends_with_2_before_any_kernel_and_names_the_nearest(command: Command) -> None:
    done = command("run", "-p", "revision_typo", "x")
    assert (done.returncode, done.stdout) == (2, "")
    what, why, remedy = done.stderr.splitlines()
    assert what == "error: 'revision_typo' is not a parameter of the runbook."
    assert why == "why: It was given as parameter."
    assert remedy.startswith("what to do: The nearest known parameter is '")
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (("run", "-p", "links", "junction"), {}, "Parameter 'links'"),
        (("run", "-p", "offline", "perhaps"), {}, "Parameter 'offline'"),
        pytest.param(
            ("run", "-p", "cache_dir", "~no-such-user-here/x"),
            {},
            "Parameter 'cache_dir'",
            marks=pytest.mark.skipif(os.name == "nt", reason="every user has a home there"),
        ),
        (("run",), {"RUNBOOK_HUB": "ftp://x"}, "Parameter 'hub'"),
        (("run",), {"RUNBOOK_HUBB": "x"}, "'hubb' is not a parameter"),
        (("run", "--only", "fly"), {}, "Invalid value for '--only'"),
        (("run", "--no-such-option"), {}, "No such option"),
        (("fly",), {}, "No such command 'fly'"),
        (("run", "--only", "verify", "--resume"), {}, "cannot be combined"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_plain_message(
    ended: Ended, words: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    os.environ.update(variables)
    code, out, err = ended(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert not Path("runs").exists()


def test_a_broken_settings_file_ends_with_2(ended: Ended) -> None:
    Path("runbook.toml").write_text("hub = ", encoding="utf-8")
    code, _, err = ended("run")
    assert code == 2
    assert err.startswith("error: runbook.toml cannot be read.")


def test_a_damaged_run_folder_ends_with_2(ended: Ended) -> None:
    Path("r").mkdir()
    Path("r", "run.json").write_text('{"schema_version": 99}', encoding="utf-8")
    code, _, err = ended("run", "--run-dir", "r", "--resume")
    assert code == 2
    assert "is not a record of schema version 2" in err
    assert "why: schema_version: " in err


@pytest.mark.parametrize("word", ["--help", "-h", "--version"])
def test_help_and_version_go_to_stdout(ended: Ended, word: str) -> None:
    code, out, err = ended(word)
    assert (code, err) == (0, "")
    assert "runbook" in out.lower()


def test_the_version_counts_what_the_program_consists_of_when_asked_for_more(
    ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = ended("--version", "-v")
    assert (code, err) == (0, "")
    assert {f"{kind}: {number} found, {number} belong to this release" for kind, number in EXPECTED.items()} <= set(
        out.splitlines()
    )
    monkeypatch.setattr(program, "EXPECTED", {**EXPECTED, "quirks": EXPECTED["quirks"] + 1})
    code, out, err = ended("-v", "--version")
    assert code == 1
    assert "Install docling-runbook again" in err


def test_an_interruption_ends_with_130(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_stages", interrupt)
    code, out, err = ended("run")
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted"


def test_a_store_whose_package_is_missing_is_said_before_anything_begins(
    ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("runbook_lib.system.addresses.find_spec", lambda name: None if name == "adlfs" else find(name))
    monkeypatch.setattr(runner, "run_stages", lambda *_: pytest.fail("it began"))
    code, _out, err = ended("run", "-p", "copy_to", "abfs://container/runs")
    assert code == 2
    assert "Install adlfs" in err
    assert not Path("runs").exists()


def test_what_went_wrong_beside_the_run_is_a_line_on_stderr_and_no_part_of_the_document(
    ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        runner, "run_stages", lambda run, *_: RunSummary(run.folder, (), proved=False, asides=("not copied.",))
    )
    code, out, err = ended("run", "--json")
    assert (code, json.loads(out)["status"]) == (0, "skip")
    assert "warning: not copied." in err.splitlines()
    assert "not copied." in ended("run")[1]


def test_a_folder_whose_name_does_not_fit_the_encoding_of_a_pipe_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe, encoding="cp1252", write_through=True))
    monkeypatch.setattr(sys, "argv", ["runbook", "run", "--run-dir", "模型"])
    monkeypatch.setattr(runner, "run_stages", lambda run, *_: RunSummary(run.folder, (), proved=False))
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert b"\\u6a21\\u578b" in pipe.getvalue()


_RUN = """
import subprocess
import sys
from runbook_lib.headless import runner
from runbook_lib.headless.summary import RunSummary
runner.run_stages = lambda run, settings, stages, listener: RunSummary(run.folder, (), proved=False)
from runbook_lib.cli import main
sys.argv = ["runbook", "run", *sys.argv[1:]]
try:
    main()
finally:
    sys.stderr.write(repr([name for name in sys.modules if name.startswith("runbook_lib.practice")]))
"""


@pytest.mark.parametrize(
    ("words", "loads"), [(("-p", "hub", "http://127.0.0.1:9"), False), (("--drill", "stall"), True)]
)
def test_only_a_drill_loads_anything_of_practice(in_tmp_path: Path, words: tuple[str, ...], loads: bool) -> None:
    environ = {**os.environ, "XDG_CACHE_HOME": str(in_tmp_path / "cache"), "RUNBOOK_MODELS": "org/name"}
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *words], capture_output=True, text=True, env=environ, check=False, cwd=in_tmp_path
    )
    assert ("runbook_lib.practice" in done.stderr.splitlines()[-1]) is loads, done.stderr
