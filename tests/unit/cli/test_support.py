"""`runbook support-bundle`, `report`, `diagnose --last`, `clean` and `lab --practice`, called as commands."""

import json
import os
import subprocess
import sys
import webbrowser
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.interactive import lab as lab_of_jupyter
from runbook_lib.run.check import Check, Status
from runbook_lib.run.folder import Run, RunState
from runbook_lib.run.opening import prepare_run
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.upkeep import clean as cleaning
from runbook_lib.upkeep.support_bundle import MEMBER_LIMIT_BYTES
from tests.command_line import Ended

pytestmark = pytest.mark.usefixtures("in_tmp_path")

TOKEN = "hf_" + "Q" * 34
ODD = "correct horse battery staple"
SECRETS = (TOKEN, ODD, "s3cr3t-pass", "QQQQ", "deadbeefcafe")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    places = {"cache_dir": str(tmp_path / "cache"), "artifacts_dir": str(tmp_path / "artifacts")}
    made = prepare_run({"models": "org/name", "offline": True, **places}, new=True, explicit=True)
    failed = Check(
        id="hub",
        title="the Hub answers",
        status=Status.FAIL,
        evidence="OSError: [WinError 1314] A required privilege is not held by the client: 'blob' -> 'snapshot'",
    )
    made.save(
        StageRecord[RawFacts](
            stage="detect", started_at=datetime.now(UTC), elapsed_s=1.0, facts=RawFacts(), checks=(failed,)
        )
    )
    made.update(state=RunState.FAILED, stages=("detect", "configure_env"))
    return Run(made.folder)


# ------------------------------------------------------------------------------------------- support-bundle


def members(file: Path) -> dict[str, str]:
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def test_planted_secrets_are_not_in_the_bundle(
    ended: Ended, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SERVICE_PASSWORD", ODD)
    monkeypatch.setenv("HTTPS_PROXY", "http://user:s3cr3t-pass@proxy.example.org:8080")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    token_file = tmp_path / "token"
    token_file.write_text("deadbeefcafe\n", encoding="utf-8")
    monkeypatch.setenv("HF_TOKEN_PATH", str(token_file))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    planted = f"{TOKEN} {ODD} https://user:s3cr3t-pass@hub.example.org/x deadbeefcafe"
    (run.folder / "run.log").write_text(f"said {planted}\n", encoding="utf-8")
    (run.folder / "report.html").write_text(f"<p>{planted}</p><img src='data:image/png;base64,AAAA'>", encoding="utf-8")
    record = json.loads(run.record_path("detect").read_text(encoding="utf-8"))
    record["facts"] = {"said": planted, "api_token": "shapeless", "list": [{"deep": planted}]}
    run.record_path("detect").write_text(json.dumps(record), encoding="utf-8")
    code, out, _err = ended("support-bundle", "--json", "-p", "offline", "true")
    written = json.loads(out)
    found = members(Path(written["file"]))
    assert code == 0
    assert set(found) == {
        "versions.json",
        "doctor.json",
        "run/run.json",
        "run/01_detect.json",
        "run/run.log",
        "run/report.html",
    }
    everything = "\n".join(found.values()) + Path(written["file"]).read_bytes().decode("latin-1")
    assert [secret for secret in (*SECRETS, "shapeless", "base64") if secret in everything] == []
    assert json.loads(found["run/01_detect.json"])["checks"][0]["id"] == "hub"
    assert json.loads(found["doctor.json"])["checks"]
    assert "python" in json.loads(found["versions.json"])


@pytest.mark.skipif(os.name == "nt", reason="symlinks need a privilege there")
def test_names_are_those_that_are_known_and_no_link_is_followed(ended: Ended, run: Run, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("a private file", encoding="utf-8")
    (run.folder / "run.log").symlink_to(tmp_path / "private")
    (run.folder / "..evil").write_text("x", encoding="utf-8")
    (run.folder / "converted.md").write_text("words of a document", encoding="utf-8")
    ended("support-bundle", "--out", "b.zip", "-p", "offline", "true")
    found = members(Path("b.zip"))
    assert set(found) == {"versions.json", "doctor.json", "run/run.json", "run/01_detect.json"}
    assert "a private file" not in str(found)
    assert "words of a document" not in str(found)


def test_a_long_log_is_cut_and_its_end_is_kept(ended: Ended, run: Run) -> None:
    (run.folder / "run.log").write_text("begin\n" + "x y\n" * 1_000_000 + "the end\n", encoding="utf-8", newline="\n")
    ended("support-bundle", "--out", "b.zip", "-p", "offline", "true")
    log = members(Path("b.zip"))["run/run.log"]
    assert len(log) <= MEMBER_LIMIT_BYTES + 100
    assert log.endswith("the end\n")
    assert "begin\n" not in log


def test_a_bundle_never_replaces_a_file_and_can_be_made_without_a_run(ended: Ended) -> None:
    Path("b.zip").write_bytes(b"mine")
    assert ended("support-bundle", "--out", "b.zip", "-p", "offline", "true")[0] == 2
    assert Path("b.zip").read_bytes() == b"mine"
    code, out, _err = ended("support-bundle", "-p", "offline", "true", "--json")
    assert (code, [name for name, _ in json.loads(out)["members"]]) == (0, ["versions.json", "doctor.json"])
    assert ended("support-bundle", "--run-dir", "typo")[0] == 2


# ------------------------------------------------------------------------------------------- report and diagnose


def test_a_report_is_made_anew_from_the_records_and_opened(
    ended: Ended, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def browse(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    code, out, _err = ended("report", "--open")
    path = Path(out.strip())
    assert (code, path) == (0, run.folder / "report.html")
    assert opened == [path.as_uri()]
    page = path.read_text(encoding="utf-8")
    assert "does not hold: the Hub answers" in page
    assert "it was not reached" in page
    path.unlink()
    assert ended("run", "--report-only", run.folder.name)[:2] == (0, f"{path}\n")
    assert path.is_file()
    path.unlink()
    assert ended("report", str(run.folder))[0] == 0
    assert path.is_file()
    monkeypatch.setattr(webbrowser, "open", lambda _address: False)
    assert ended("report", "--open")[0] == 1
    assert ended("report", "typo")[0] == 2


def test_the_last_run_is_diagnosed_by_what_it_left(ended: Ended, run: Run) -> None:
    code, out, err = ended("diagnose", "--last")
    assert (code, "quirk-001" in out) == (0, True)
    assert run.folder.name in err
    (run.folder / "detect.txt").write_text("", encoding="utf-8")
    assert ended("diagnose", "--last", "service.log")[0] == 2


def test_the_error_of_a_cell_is_read_where_no_record_tells_it(ended: Ended, run: Run) -> None:
    run.record_path("detect").unlink()
    assert ended("diagnose", "--last")[0] == 1
    error = {
        "output_type": "error",
        "ename": "OSError",
        "evalue": "[WinError 1314] A required privilege is not held by the client: 'a' -> 'b'",
        "traceback": [],
    }
    (run.folder / "01_detect.ipynb").write_text(json.dumps({"cells": [{"outputs": [error]}]}), encoding="utf-8")
    assert "quirk-001" in ended("diagnose", "--last")[1]


def test_without_a_run_there_is_no_last_one(ended: Ended) -> None:
    code, out, err = ended("diagnose", "--last")
    assert (code, out) == (2, "")
    assert "There is no run" in err


def test_quirks_are_found_by_words(ended: Ended) -> None:
    found = [quirk["id"] for quirk in json.loads(ended("quirks", "WinError", "1314", "--json")[1])]
    assert "quirk-001" in found
    code, out, err = ended("quirks", "no such", "words at all")
    assert (code, out) == (2, "")
    assert "No known failure mentions" in err


# ------------------------------------------------------------------------------------------- clean and lab


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Folders of every kind, in places of the test's own."""
    own = tmp_path / "own"
    monkeypatch.setattr(cleaning, "own_cache_dir", lambda: own)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    folders = {
        "practice": own / "practice",
        "corrupt": own / "drills" / "corrupt",
        "quarantine": tmp_path / "cache" / ".runbook-quarantine",
        "kernel": tmp_path / "prefix" / "share" / "jupyter" / "kernels" / "runbook",
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x" * 10_000)
    (tmp_path / "cache" / "models--org--name").mkdir()
    return folders


PLACES = ("-p", "cache_dir", "cache", "-p", "artifacts_dir", "artifacts", "-p", "offline", "true")


def test_clean_shows_its_plan_and_removes_it_when_told(ended: Ended, made: dict[str, Path]) -> None:
    code, out, _err = ended("clean", *PLACES)
    assert code == 0
    assert "add --yes to do it" in out
    assert all(folder.is_dir() and str(folder) in out for folder in made.values())
    result = json.loads(ended("clean", *PLACES, "--yes", "--json")[1])
    assert result["done"] is True
    assert [folder["kept"] for folder in result["folders"]] == [""] * 4
    assert not any(folder.exists() for folder in made.values())
    assert Path("cache", "models--org--name").is_dir()
    assert list(made["practice"].parent.iterdir()) == [made["corrupt"].parent]
    assert "nothing to clean" in ended("clean", *PLACES, "--yes")[1]


def test_clean_takes_only_the_kinds_that_are_named(ended: Ended, made: dict[str, Path]) -> None:
    ended("clean", "quarantine", "kernel", *PLACES, "--yes")
    assert {name for name, folder in made.items() if folder.exists()} == {"practice", "corrupt"}
    assert ended("clean", "everything")[0] == 2


def test_what_a_living_run_uses_stays(ended: Ended, made: dict[str, Path]) -> None:
    living = prepare_run(
        {"models": "org/name", "cache_dir": str(made["corrupt"] / "hub"), "artifacts_dir": "artifacts"},
        new=True,
        explicit=True,
    )
    script = (
        "import sys, time; from pathlib import Path; from runbook_lib.run.run_lock import hold_run\n"
        "with hold_run(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(living.folder)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"held"
        code, out, _err = ended("clean", "drills", "practice", *PLACES, "--yes", "--json")
    finally:
        holder.kill()
        holder.communicate()
    kept = {Path(folder["folder"]).name: folder["kept"] for folder in json.loads(out)["folders"]}
    assert (code, kept) == (3, {"practice": "", "corrupt": "a run that is going on works there"})
    assert made["corrupt"].is_dir()
    assert not made["practice"].exists()


@pytest.mark.skipif(os.name == "nt", reason="symlinks need a privilege there")
def test_a_link_in_place_of_a_folder_is_left_alone(ended: Ended, made: dict[str, Path], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    made["practice"].rename(elsewhere)
    made["practice"].symlink_to(elsewhere)
    assert ended("clean", "practice", *PLACES, "--yes")[0] == 3
    assert (elsewhere / "file").is_file()


def test_lab_practice_lets_the_notebooks_use_the_built_in_hub(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jupyterlab")
    told: list[str] = []
    monkeypatch.setattr(lab_of_jupyter, "register_kernel", lambda: False)
    monkeypatch.setattr(lab_of_jupyter, "open_lab", lambda *_a, **_o: told.append(os.environ.get("RUNBOOK_HUB", "")))
    monkeypatch.setenv("RUNBOOK_HUB", "")
    assert ended("lab", "--practice", "--no-browser")[0] == 0
    assert ended("config", "--json")[0] == 0
    assert told == ["practice"]
