import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runbook_lib.interactive.run_panel import RunPanel, _verdict
from runbook_lib.interactive.settings_form import SettingsForm
from runbook_lib.render.sections import Link, Note, Section, Table
from runbook_lib.run.folder import RunState
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.measure_disk.stage import measure_disk


def test_stages_are_shown_as_the_run_has_them(practice_run: OpenRun, hands: Callable[[Any], Any]) -> None:
    measure_disk(practice_run)
    person = hands(RunPanel(practice_run))
    assert "- detect" in person.words()
    assert "ok measure_disk" in person.words()


def test_a_run_can_be_stopped_and_says_so(practice_run: OpenRun, hands: Callable[[Any], Any]) -> None:
    measure_disk(practice_run)
    person = hands(RunPanel(practice_run))
    person.press("Run all six stages")
    person.await_words("running detect")
    assert "- measure_disk" in person.words(), "an older record does not pass for news"
    assert person.button("Run all six stages").disabled
    person.press("Stop")
    person.await_words("Stopped")
    assert practice_run.header().state is RunState.INTERRUPTED
    assert "running" not in person.words()
    assert not person.button("Run all six stages").disabled


def test_the_button_runs_what_the_form_says_when_it_is_pressed(
    practice_run: OpenRun, hands: Callable[[Any], Any], tmp_path: Path
) -> None:
    form = SettingsForm(practice_run)
    fields, panel = hands(form), RunPanel(form)
    person = hands(panel)
    fields.field("links").value = "copy"
    person.press("Run all six stages")
    person.await_words("Records are kept in")
    run = form.open_run()
    assert run.folder != practice_run.folder
    assert f"Records are kept in {run.folder}." in person.words()
    assert run.settings.links == "copy"
    person.await_words("running detect")
    person.press("Stop")
    person.await_words("Stopped")
    assert run.header().state is RunState.INTERRUPTED
    assert practice_run.header().state is RunState.RUNNING, "nothing was run in the run of before"


def test_a_form_that_cannot_be_used_is_told_when_the_button_is_pressed(
    practice_run: OpenRun, hands: Callable[[Any], Any]
) -> None:
    form = SettingsForm(practice_run)
    fields, person = hands(form), hands(RunPanel(form))
    fields.field("hub").value = "ftp://x"
    person.press("Run all six stages")
    person.await_words("has a value that cannot be used")


def test_a_run_that_did_not_start_shows_the_error() -> None:
    (note,) = _verdict("", "error: 'x' is not a parameter\nwhat to do: y\n")
    assert isinstance(note, Note)
    assert note.title == "The run did not start"
    assert note.lines == ("error: 'x' is not a parameter", "what to do: y")


def test_the_verdict_names_the_report(tmp_path: Path) -> None:
    note, report = _verdict(json.dumps({"verdict": "It works.", "run_dir": str(tmp_path)}), "")
    assert isinstance(note, Note)
    assert isinstance(report, Table)
    assert note.lines == ("It works.",)
    assert report.rows == ((str(tmp_path / "report.html"),),)


def test_a_report_below_the_notebook_is_a_link(in_tmp_path: Path) -> None:
    _note, report = _verdict(json.dumps({"verdict": "It works.", "run_dir": str(in_tmp_path / "runs" / "a #1")}), "")
    assert isinstance(report, Table)
    (link,) = report.rows[0]
    assert isinstance(link, Link)
    assert link.target == "runs/a%20%231/report.html"


def test_the_verdict_of_a_failed_run_says_what_to_do() -> None:
    failed = {"id": "a", "title": "it is so", "status": "fail", "evidence": "seen", "remedy": "Run runbook repair."}
    document = {"verdict": "It failed.", "run_dir": "/runs/a", "stages": [{"checks": [failed]}]}
    assert "What to do: Run runbook repair." in said(_verdict(json.dumps(document), ""))
    raised = {"verdict": "It failed.", "run_dir": "/runs/a", "stages": [], "run": {"problem": "HubError: no\nwhy: x"}}
    assert said(_verdict(json.dumps(raised), ""))[1:3] == ("HubError: no", "why: x")


def said(sections: tuple[Section, ...]) -> tuple[str, ...]:
    return tuple(line for section in sections if isinstance(section, Note) for line in section.lines)
