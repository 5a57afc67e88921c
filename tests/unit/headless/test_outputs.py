"""JUnit XML, metrics and the plain-text twin of a run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.headless.junit import junit_xml
from runbook_lib.headless.metrics import metrics_text, require_metrics_file, write_metrics
from runbook_lib.headless.notice import Notice, When
from runbook_lib.headless.report import write_report
from runbook_lib.headless.summary import RunSummary, StageOutcome
from runbook_lib.headless.summary import summary_of as made_anew
from runbook_lib.headless.telling import Telling, telling
from runbook_lib.headless.twin import plain_text
from runbook_lib.history.changes import changed_since_good, is_news
from runbook_lib.history.compare import Change, Difference
from runbook_lib.history.entry import CheckLine, HistoryEntry, StageLine
from runbook_lib.history.index import read_history
from runbook_lib.run.check import Check, Status
from runbook_lib.run.folder import STAGES, RunState
from runbook_lib.run.record import RawFacts, StageRecord
from tests.unit.headless.server import listening
from tests.unit.history.run_folders import MakeRun

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def record(*checks: Check) -> StageRecord[RawFacts]:
    return StageRecord[RawFacts](stage="detect", started_at=NOW, elapsed_s=1.5, facts=RawFacts(), checks=checks)


def test_junit_says_of_each_check_what_became_of_it() -> None:
    checks = tuple(
        Check(id=status.value, title=f"<{status.value}> & \x07\ud800", status=status, evidence="seen \x00", remedy="do")
        for status in Status
    )
    outcomes = (
        StageOutcome("detect", Status.FAIL, 1.5, "said"),
        StageOutcome("download", Status.FAIL, 0.5, "the kernel died", problem="the kernel died"),
        StageOutcome("verify", Status.SKIP, 0.0, "skipped: an earlier stage failed"),
    )
    root = ET.fromstring(junit_xml(outcomes, [record(*checks)]))
    detect, download, verify = root
    assert {name: detect.get(name) for name in ("name", "tests", "failures", "errors", "skipped", "time")} == {
        "name": "detect", "tests": "4", "failures": "1", "errors": "0", "skipped": "1", "time": "1.500",
    }  # fmt: skip
    assert [case.get("name") for case in detect] == [f"<{status.value}> & ??" for status in Status]
    failure = detect.find("testcase/failure")
    assert failure is not None
    assert (failure.get("message"), failure.get("type")) == ("seen ?", "fail")
    assert "What to do: do" in (failure.text or "")
    assert (detect.findtext("testcase/system-out") or "").startswith("warn: ")
    assert (download.get("errors"), verify.get("skipped")) == ("1", "1")


ENTRY = HistoryEntry(
    id="r",
    began_at=NOW,
    state="failed",
    status="fail",
    stages=(StageLine(stage='a"\\b', status="ok", elapsed_s=1.5), StageLine(stage="later", status="")),
    checks=(CheckLine(id="c", status="fail"),),
    sizes={"cache": 7},
)


def test_metrics_are_in_the_format_of_prometheus() -> None:
    good = ENTRY.model_copy(update={"began_at": NOW - timedelta(days=1)})
    text = metrics_text(ENTRY, good, 75)
    assert text.endswith("\n")
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert 'docling_runbook_success{practice="false"} 0.0' in samples
    assert "docling_runbook_exit_code 75.0" in samples
    assert f"docling_runbook_worked_timestamp_seconds {good.began_at.timestamp()!r}" in samples
    assert 'docling_runbook_stage_duration_seconds{stage="a\\"\\\\b"} 1.5' in samples
    assert not any("later" in line for line in samples)
    assert 'docling_runbook_checks{status="fail"} 1.0' in samples
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    assert {line.split("{")[0].split()[0] for line in samples} == set(families)
    assert "worked_timestamp" not in metrics_text(ENTRY, None, 1)


def test_metrics_are_written_whole_and_only_where_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "runbook.prom"
    write_metrics(path, ENTRY, None, 0)
    write_metrics(path, ENTRY, None, 1)
    assert [one.name for one in tmp_path.iterdir()] == ["runbook.prom"]
    require_metrics_file(path)
    with pytest.raises(UsageError, match="Nothing would read"):
        require_metrics_file(tmp_path / "runbook.txt")


def summary_of(folder: Path, status: Status, changed: Difference | None = None) -> RunSummary:
    return RunSummary(folder, (StageOutcome("convert", status, 1.0, "said"),), proved=False, changed=changed)


def test_the_twin_begins_with_the_verdict_and_says_what_changed(tmp_path: Path) -> None:
    change = Change(kind="version", name="docling", before="1", after="2")
    text = plain_text(summary_of(tmp_path, Status.FAIL, Difference(before="a", after="b", changes=(change,))))
    assert text.startswith("Verdict\n-------\nStage convert failed")
    assert "What changed since a" in text
    assert ["version", "docling", "1", "2"] in [line.split() for line in text.splitlines()]


def test_what_changed_is_told_against_the_last_run_that_worked(home: Path, make_run: MakeRun) -> None:
    make_run(3)
    make_run(2, state=RunState.FAILED, convert="fail")
    run = make_run(1, state=RunState.FAILED, convert="fail")
    changed = changed_since_good(run.folder)
    assert changed is not None
    assert changed.before == read_history(home).entries[0].id
    entries = read_history(home).entries
    assert [is_news(entries, entry) for entry in entries] == [True, True, False]


def test_a_report_made_anew_says_what_changed_since_it_last_worked(make_run: MakeRun) -> None:
    good = make_run(3)
    make_run(2, state=RunState.FAILED, convert="fail")
    newer = {"detect": {"interpreter": {"version": "3.11.7", "packages": {"docling": "2.144.0"}}}}
    run = make_run(1, state=RunState.FAILED, convert="fail", facts=newer)
    run.update(stages=STAGES)
    page = write_report(run, made_anew(run)).read_text(encoding="utf-8")
    assert f"Compared with {good.folder.name}." in page
    assert "2.144.0" in page
    good.update(stages=STAGES)
    assert "What changed since it last worked" not in write_report(good, made_anew(good)).read_text(encoding="utf-8")


def test_whom_it_concerns_is_told_and_a_failure_to_do_so_is_a_line(home: Path, make_run: MakeRun) -> None:
    run = make_run(1)
    said: list[str] = []
    with listening() as posts, listening(status=500) as broken:
        notices = [Notice(When.FAILURE, address=broken.url), Notice(When.ALWAYS, address=posts.url)]
        Telling(notices, home / "no" / "x.prom", said.append).ended(summary_of(run.folder, Status.OK), 0)
        assert (len(broken.received), len(posts.received), said) == (0, 1, [])
        Telling(notices, None, said.append).ended(summary_of(run.folder, Status.FAIL), 1)
        assert said == ["warning: 127.0.0.1 could not be told: status 500"]
        assert posts.json()["exit_code"] == 1
        assert posts.json()["run"] == run.folder.name
        with pytest.raises(UsageError), telling(notices, None, said.append):
            raise UsageError("no such folder", remedy="make it")
    assert (posts.json()["exit_code"], posts.json()["verdict"]) == (2, "no such folder")
    assert (home / "no" / "x.prom").is_file()
    (home / "no" / "x.prom").unlink()
    (home / "no" / "x.prom").mkdir()
    Telling([], home / "no" / "x.prom", said.append).ended(summary_of(run.folder, Status.OK), 0)
    assert said[-1].startswith("warning: The metrics cannot be written")
