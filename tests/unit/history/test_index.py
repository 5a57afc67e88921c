"""The history is whole whatever is lost of it: the folders, the index, the end of a line."""

import json
import shutil
from pathlib import Path

import pytest

from runbook_lib.history.entry import HistoryEntry, UnreadableLine, read_line
from runbook_lib.history.index import INDEX_NAME, read_history, record_runs, remember
from runbook_lib.run.environment_plan import EnvironmentPlan, PlannedVariable
from runbook_lib.run.folder import RunState
from runbook_lib.run.interpreter import InterpreterFacts
from runbook_lib.stages.detect import DetectFacts
from runbook_lib.stages.download.facts import DownloadFacts, FetchedModel
from runbook_lib.stages.measure_disk.facts import DiskFacts
from tests.unit.history.run_folders import MakeRun, rewrite


def lines(home: Path) -> list[str]:
    return (home / INDEX_NAME).read_text(encoding="utf-8").splitlines()


def test_a_run_is_remembered_with_what_a_comparison_takes(home: Path, make_run: MakeRun) -> None:
    make_run()
    (entry,) = record_runs(home).entries
    assert (entry.state, entry.status, entry.proved, entry.worked) == ("finished", "ok", True, True)
    assert entry.versions == {"python": "3.11.7", "docling": "2.143.0", "system": "Linux 6.1"}
    assert entry.variables == {"HF_HOME": "/models", "HF_HUB_CACHE": "/cache"}, "no address of a practice hub"
    assert entry.revisions == {"a/b@main": "c" * 40}
    assert entry.sizes == {"cache": 5, "artifacts": 6, "shared by both": 4, "free": 100, "fetched": 1_000_000}
    assert entry.elapsed_s == 10.0


def test_the_facts_it_reads_are_fields_of_the_stages() -> None:
    assert {"interpreter", "machine", "variables"} <= set(DetectFacts.model_fields)
    assert {"version", "packages"} <= set(InterpreterFacts.model_fields)
    assert "variables" in EnvironmentPlan.model_fields
    assert {"name", "value", "in_files"} <= set(PlannedVariable.model_fields)
    assert "models" in DownloadFacts.model_fields
    assert {"model", "listing", "fetched_bytes"} <= set(FetchedModel.model_fields)
    assert {"cache_bytes", "artifacts_bytes", "shared_bytes", "free_bytes"} <= set(DiskFacts.model_fields)


def test_folders_may_go_and_the_history_stays(home: Path, make_run: MakeRun) -> None:
    run = make_run(problem="no luck", state=RunState.FAILED)
    before = record_runs(home).entries
    shutil.rmtree(run.folder)
    (entry,) = read_history(home).entries
    assert (entry,) == before
    assert (entry.has_folder, entry.outcome) == (False, "failed: no luck")


def test_an_index_that_is_lost_is_whole_again_from_the_folders(home: Path, make_run: MakeRun) -> None:
    for days in (3, 2, 1):
        make_run(days)
    before = record_runs(home)
    (home / INDEX_NAME).unlink()
    assert read_history(home).entries == before.entries
    record_runs(home)
    assert len(lines(home)) == 3


def test_a_run_that_went_on_is_read_again_and_its_last_line_counts(home: Path, make_run: MakeRun) -> None:
    run = make_run(state=RunState.FAILED)
    record_runs(home)
    record_runs(home)
    assert len(lines(home)) == 1, "nothing new, no line"
    run.update(state=RunState.FINISHED)
    record_runs(home)
    assert len(lines(home)) == 2
    shutil.rmtree(run.folder)
    assert [entry.state for entry in read_history(home).entries] == ["finished"]


def test_a_line_that_was_cut_short_harms_no_other(home: Path, make_run: MakeRun) -> None:
    make_run(2)
    record_runs(home)
    whole = (home / INDEX_NAME).read_bytes()
    (home / INDEX_NAME).write_bytes(whole + whole[: len(whole) // 2])
    make_run(1)
    history = record_runs(home)
    assert len(history.entries) == 2
    again = read_history(home)
    assert len(again.entries) == 2
    assert [line.number for line in again.unreadable] == [2]


def test_lines_of_a_newer_version_are_read_as_far_as_they_are_known_and_stay_as_they_are(
    home: Path, make_run: MakeRun
) -> None:
    newer = {
        "format": 7,
        "id": "20990101T000000.000000Z-later",
        "began_at": "2026-02-01T00:00:00Z",
        "state": "postponed",
        "status": "splendid",
        "mood": {"of": "the machine"},
        "stages": [{"stage": "dream", "status": "ok", "depth": 3}],
    }
    strange = json.dumps({"format": 8, "name": "no id here"})
    (home / INDEX_NAME).write_text(f"{json.dumps(newer)}\n{strange}\n", encoding="utf-8")
    make_run()
    record_runs(home)
    history = read_history(home)
    assert [(entry.state, entry.status) for entry in history.entries] == [("postponed", "splendid"), ("finished", "ok")]
    assert [line.number for line in history.unreadable] == [2]
    assert lines(home)[:2] == [json.dumps(newer), strange], "byte for byte"


def test_run_folders_of_other_versions_are_read_and_foreign_folders_are_not(home: Path, make_run: MakeRun) -> None:
    older = make_run(2)
    rewrite(older, schema_version=1, mood="unknown then")
    damaged = make_run(1)
    (damaged.folder / "01_detect.json").write_text("{", encoding="utf-8")
    (damaged.folder / "03_download.json").write_text('{"stage": "download", "facts": {"models": 3}}', encoding="utf-8")
    for name, content in (("list", "[]"), ("words", '{"created_at": "yesterday"}'), ("binary", "\0")):
        (home / name).mkdir()
        (home / name / "run.json").write_text(content, encoding="utf-8")
    entries = read_history(home).entries
    assert [entry.id for entry in entries] == [older.folder.name, damaged.folder.name]
    assert entries[1].versions == {}
    assert entries[1].revisions == {}


def test_what_would_not_be_read_back_is_not_written() -> None:
    entry = HistoryEntry(id="x", began_at="2026-01-01T00:00:00Z")
    assert read_line(1, entry.line()) == entry
    with pytest.raises(ValueError, match="read back"):
        entry.model_copy(update={"settings": {"x": float("nan")}}).line()
    assert isinstance(read_line(1, "{}"), UnreadableLine)


def test_secrets_do_not_enter_the_history(home: Path, make_run: MakeRun) -> None:
    token = "hf_" + "a" * 34
    make_run(facts={"detect": {"variables": {"HTTPS_PROXY": "http://me:hunter22@proxy:8080", "X": token}}})
    record_runs(home)
    text = (home / INDEX_NAME).read_text(encoding="utf-8")
    assert token not in text
    assert "hunter22" not in text


def test_a_history_that_cannot_be_written_stops_nothing(home: Path, make_run: MakeRun) -> None:
    make_run()
    (home / INDEX_NAME).mkdir()
    remember(home)
    assert len(read_history(home).entries) == 1
