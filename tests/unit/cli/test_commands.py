"""Every command, called as a command: what it prints, how it exits, one JSON document on every outcome."""

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pytest

from runbook_lib.cli import runbook
from runbook_lib.cli.drills import drills as drills_command
from runbook_lib.cli.ending import ending_of
from runbook_lib.errors import DiskError, ExitCode, HubUnavailable, LockHeld, RunbookError, exit_code_of
from runbook_lib.practice.drills.catalogue import DRILLS
from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.run.opening import prepare_run
from runbook_lib.run.settings import DRILL_NAMES, Settings
from tests.command_line import Command, Ended
from tests.unit.cache_layouts import CacheLayout

ROOT = Path(__file__).resolve().parents[3]
LOG = "OSError: [WinError 1314] A required privilege is not held by the client: 'blob' -> 'snapshot'\n"

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def names() -> list[str]:
    return runbook.list_commands(click.Context(runbook))


@pytest.fixture
def served_document(ended: Ended) -> Callable[..., dict[str, object]]:
    def call(*words: str, code: int) -> dict[str, object]:
        exit_code, out, _err = ended(*words)
        assert exit_code == code
        document = json.loads(out)
        assert isinstance(document, dict)
        return document

    return call


@pytest.mark.parametrize("name", names())
def test_every_command_explains_itself_and_takes_v(ended: Ended, name: str) -> None:
    code, out, err = ended(name, "--help")
    assert (code, err) == (0, "")
    assert "--verbose" in out


@pytest.mark.parametrize("name", names())
def test_every_command_answers_a_wrong_option_with_2_and_leaves_nothing(ended: Ended, name: str) -> None:
    code, out, err = ended(name, "--no-such-option")
    assert (code, out) == (2, "")
    assert "No such option" in err
    assert list(Path().iterdir()) == []


def test_the_page_about_the_commands_is_current() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == runpy.run_path(str(ROOT / "tools" / "make_cli_docs.py"))["render"](), "run make docs"
    assert all(f"\n### runbook {name}\n" in page for name in names())


def test_a_mistyped_command_is_answered_with_the_nearest(ended: Ended) -> None:
    assert "Did you mean 'doctor'?" in ended("docter")[2]


@pytest.mark.parametrize(
    "words",
    [
        ("history", "--runs", "--json"),
        ("doctor", "-p", "cache_dir", "--json"),
        ("bundle", "show", "--require-signature", "--json", "x.tar"),
        ("mirror", "check", "--json", "--model", "-v", "https://hub"),
        ("run", "--json", "--run-dir", "--practice"),
        ("-v", "config", "--json", "-p", "hub", "--help"),
    ],
    ids=" ".join,
)
def test_no_option_is_taken_for_the_value_of_another(
    served_document: Callable[..., dict[str, object]], words: Sequence[str]
) -> None:
    document = served_document(*words, code=ExitCode.USAGE)
    assert "lacks a value" in str(document["error"])
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("number", ["nan", "inf", "0", "-1", "soon"])
@pytest.mark.parametrize("words", [("mirror", "check", "http://127.0.0.1:9", "--limit"), ("history", "--within")])
def test_a_length_of_time_that_is_none_is_wrong_usage(
    served_document: Callable[..., dict[str, object]], words: Sequence[str], number: str
) -> None:
    assert "Invalid value" in str(served_document(*words, number, "--json", code=ExitCode.USAGE)["error"])


# ------------------------------------------------------------------------------------------- each command once


def test_audit_reports_by_file_and_line_and_fails_for_an_error(ended: Ended) -> None:
    Path("Dockerfile").write_text("FROM python:3.11\nENV HF_TOKEN=hf_" + "a" * 34 + "\n", encoding="utf-8")
    code, out, _ = ended("audit", ".")
    assert code == ExitCode.FAILED
    assert "Dockerfile:2" in out
    assert "a" * 34 not in out
    code, out, _ = ended("audit", ".", "--json")
    assert json.loads(out)["findings"]
    code, out, _ = ended("audit", ".", "--sarif")
    assert json.loads(out)["version"] == "2.1.0"
    Path("Dockerfile").unlink()
    assert ended("audit", ".")[0] == ExitCode.OK


def test_audit_of_a_folder_that_is_not_there_is_wrong_usage(
    served_document: Callable[..., dict[str, object]],
) -> None:
    document = served_document("audit", "nowhere", "--json", code=2)
    assert "nowhere" in str(document["error"])


def test_diagnose_reads_a_file_or_stdin_and_says_by_its_exit_code_whether_it_knew(
    ended: Ended, command: Command
) -> None:
    Path("service.log").write_text(LOG, encoding="utf-8")
    code, out, _ = ended("diagnose", "service.log")
    assert (code, "quirk-001" in out) == (0, True)
    done = command("diagnose", "--json", given=LOG)
    assert done.returncode == 0
    assert json.loads(done.stdout)["findings"][0]["quirk"]["id"] == "quirk-001"
    assert command("diagnose", "-", given="all is well\n").returncode == ExitCode.FAILED


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell closes the streams")
def test_streams_that_are_closed_are_no_fault_of_the_runbook() -> None:
    def code(words: str) -> int:
        return subprocess.run(f"'{sys.executable}' -m runbook_lib {words}", shell=True, check=False).returncode

    assert code("diagnose <&- >&- 2>&-") == ExitCode.FAILED, "nothing is given, and nothing is recognised"
    assert code("config <&- >&- 2>&-") == ExitCode.OK
    assert code("config -p links x --json >&- 2>&-") == ExitCode.USAGE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device without room")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--help",), ExitCode.DISK, "error: The output cannot be written.\nwhy: errno 28"),
        (("config", "--json"), ExitCode.DISK, "error: The output cannot be written.\nwhy: errno 28"),
        (("config", "-p", "links", "x", "--json"), ExitCode.USAGE, "error: Parameter 'links'"),
    ],
    ids=["text", "JSON", "JSON of an error"],
)
def test_an_output_without_room_is_said_in_one_error(
    words: Sequence[str], code: int, said: str, unbuffered: str
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "runbook_lib", *words],
            check=False,
            text=True,
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert (done.returncode, done.stderr.startswith(said)) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_quirks_are_listed_and_shown_by_id_number_or_alias(ended: Ended) -> None:
    code, out, _ = ended("quirks", "--json")
    assert code == 0
    assert [quirk["id"] for quirk in json.loads(out)] == [quirk.id for quirk in load_catalogue()]
    assert ended("quirks", "q01")[1] == ended("quirks", "quirk-001")[1]
    assert ended("quirks", "quirk-999")[0] == ExitCode.USAGE


def test_the_quirks_that_came_with_a_version_are_listed_alone(ended: Ended) -> None:
    code, out, _ = ended("quirks", "--since", "0.2.0", "--json")
    listed = {quirk["id"] for quirk in json.loads(out)}
    assert code == 0
    assert listed == {quirk.id for quirk in load_catalogue().since("0.2.0")}
    assert "quirk-001" not in listed
    assert "new since 0.2.0" in ended("quirks", "--since", "0.2.0")[1]
    assert ended("quirks", "quirk-001", "--since", "0.2.0")[0] == ExitCode.USAGE
    assert ended("quirks", "--since", "soon")[0] == ExitCode.USAGE


def test_drills_are_listed_and_shown(ended: Ended) -> None:
    assert [drill["name"] for drill in json.loads(ended("drills", "--json")[1])] == [drill.name for drill in DRILLS]
    assert "corrupt" in ended("drills", "corrupt")[1]


def test_dedupe_stores_a_content_once_after_showing_the_plan(ended: Ended) -> None:
    cache = CacheLayout("copy", Path("hub").absolute())
    for config in (b"first", b"second"):
        cache.add("org/name", {"config.json": config, "weights.bin": b"w" * 9000})
    places = ("-p", "cache_dir", "hub", "-p", "artifacts_dir", "artifacts")
    plan = json.loads(ended("dedupe", *places, "--dry-run", "--json")[1])
    assert len(plan["replacements"]) == 1
    result = json.loads(ended("dedupe", *places, "--json")[1])
    assert result["linked_count"] == 1
    assert "0 copies" in ended("dedupe", *places)[1]


def test_repair_with_an_unreachable_hub_asks_to_come_later_and_lock_locks_nothing(
    served_document: Callable[..., dict[str, object]],
) -> None:
    places = ("-p", "cache_dir", "hub", "-p", "artifacts_dir", "artifacts", "-p", "hub", "http://127.0.0.1:9")
    document = served_document("repair", *places, "-p", "models", "org/name", "--json", code=ExitCode.TRY_LATER)
    error = document["error"]
    assert isinstance(error, dict)
    assert (error["id"], error["exit_code"]) == ("hub-unavailable", 75)
    document = served_document("lock", *places, "-p", "models", "org/name", "--json", code=ExitCode.FAILED)
    assert "is not intact" in str(document["error"])
    assert not Path("runbook.lock.json").exists()


@pytest.mark.parametrize("lock", ["nowhere.json", "not-a-lock.json"])
def test_repair_by_a_lock_file_that_is_none_begins_no_run(ended: Ended, lock: str) -> None:
    Path("not-a-lock.json").write_text("x", encoding="utf-8")
    code, _, err = ended("repair", "--practice", "--lock", lock)
    assert (code, lock in err) == (ExitCode.USAGE, True)
    assert not Path("runs").exists()


def test_the_hub_serves_until_it_is_interrupted() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "runbook_lib", "hub"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def test_lab_refuses_a_port_that_there_is_not(ended: Ended) -> None:
    code, _out, err = ended("lab", "--port", "70000", "--no-browser")
    assert (code, "70000" in err) == (ExitCode.USAGE, True)


# ------------------------------------------------------------------------------------------- endings


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RunbookError("x"), 1),
        (HubUnavailable("x"), 75),
        (LockHeld("x"), 75),
        (DiskError("x"), 74),
        (click.UsageError("x"), 2),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("x"), 70),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_each_class_of_errors_has_an_exit_code_of_its_own(error: BaseException, code: int) -> None:
    ending = ending_of(error)
    assert ending.exit_code == code
    assert json.loads(ending.document())["error"]["exit_code"] == code


def test_an_error_known_by_name_alone_has_the_same_exit_code() -> None:
    assert exit_code_of("LockHeld") == ExitCode.TRY_LATER
    assert exit_code_of("ZeroDivisionError") == ExitCode.FAILED


def test_a_fault_of_the_program_ends_with_70_and_one_document(monkeypatch: pytest.MonkeyPatch, ended: Ended) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("token=hf_" + "a" * 34)

    monkeypatch.setattr(drills_command, "callback", broken)
    code, out, err = ended("drills", "--json")
    assert code == ExitCode.INTERNAL
    assert json.loads(out)["error"]["id"] == "internal"
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err
    assert "aaaa" not in out + err
    assert "Traceback" in ended("drills", "--json", "-vv")[2]


def test_json_is_one_document_when_the_words_are_wrong(served_document: Callable[..., dict[str, object]]) -> None:
    for words in (("run", "--json", "-p", "nope", "1"), ("run", "--json", "--only", "fly"), ("docter", "--json")):
        assert served_document(*words, code=2).keys() == {"schema_version", "error"}


def test_words_after_two_dashes_are_not_options(ended: Ended) -> None:
    code, out, _ = ended("audit", "--", "--json")
    assert (code, out) == (2, "")


@pytest.mark.skipif(os.name == "nt", reason="a POSIX pipe")
def test_a_reader_that_has_enough_sees_no_trace() -> None:
    done = subprocess.run(
        f"'{sys.executable}' -m runbook_lib quirks | head -n 1", shell=True, capture_output=True, text=True, check=True
    )
    assert (done.stderr, len(done.stdout.splitlines())) == ("", 1)


# ------------------------------------------------------------------------------------------- completion and log


@pytest.mark.parametrize(
    ("words", "index", "completed"),
    [
        ("runbook do", 1, {"doctor"}),
        ("runbook run -p arti", 3, {"artifacts_dir"}),
        ("runbook run --only ver", 3, {"verify"}),
        ("runbook run --drill stal", 3, {"stalled-hub", "stale-token"}),
        ("runbook quirks quirk", 2, {"quirk-001"}),
        ("runbook doctor --only practice-mod", 3, {"practice-models"}),
        ("runbook audit . --rule unused", 4, {"unused-suppression"}),
        ("runbook clean qu", 2, {"quarantine"}),
    ],
)
def test_a_shell_completes_commands_settings_stages_drills_and_quirks(
    command: Command, words: str, index: int, completed: set[str]
) -> None:
    done = command(_RUNBOOK_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(index))
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == completed


def test_help_names_every_setting(ended: Ended) -> None:
    words = ended("run", "--help")[1].split()
    assert set(Settings.model_fields) <= {word.strip(".,") for word in words}
    assert {drill.name for drill in DRILLS} == set(DRILL_NAMES)


def test_the_log_goes_to_stderr_when_asked_for_and_to_the_run(ended: Ended) -> None:
    places = ("-p", "models", "org/name", "-p", "cache_dir", "hub", "-p", "offline", "true")
    prepare_run({"run_dir": "r", "models": "org/name", "cache_dir": "hub"}, explicit=True)
    words = ("repair", "--run-dir", "r", "--dry-run", *places)
    _code, _, quiet = ended(*words)
    assert "open: " not in quiet
    assert "open: run folder: " in Path("r", "run.log").read_text(encoding="utf-8")
    assert "INFO" in ended(*words, "-v")[2]


# ------------------------------------------------------------------------------------------- hf runbook


@pytest.mark.skipif(os.name == "nt", reason="the extension of a test is a link to a script")
def test_hf_starts_the_runbook_as_its_extension(tmp_path: Path) -> None:
    """What `hf extensions install OWNER/hf-runbook` leaves behind (huggingface_hub 1.33, cli/extensions.py)."""
    script = Path(sys.executable).with_name("hf-runbook")
    folder = tmp_path / ".local" / "share" / "hf" / "extensions" / "hf-runbook"
    folder.mkdir(parents=True)
    manifest = {
        "owner": "org",
        "repo": "hf-runbook",
        "repo_id": "org/hf-runbook",
        "short_name": "runbook",
        "executable_path": str(script),
        "type": "python",
        "installed_at": "2026-11-01T00:00:00+00:00",
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    done = subprocess.run(
        [str(script.with_name("hf")), "runbook", "quirks", "quirk-001"],
        env={**os.environ, "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("quirk-001")
