"""The runs as a person looks through them in JupyterLab, and as a notebook keeps them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.interactive.run_browser import RunBrowser
from runbook_lib.render.sections import Note
from runbook_lib.run.folder import RunState
from tests.unit.history.run_folders import FACTS, MakeRun

PROBLEM = "no luck <img src=x onerror=alert(1)>"
NEWER = {**FACTS["detect"], "interpreter": {"version": "3.11.7", "packages": {"docling": "2.150.0"}}}


@pytest.fixture
def three(home: Path, make_run: MakeRun) -> Path:
    """Two runs that worked, and one since that failed with another docling."""
    make_run(2)
    make_run(1)
    make_run(0, facts={"detect": NEWER}, convert="fail", state=RunState.FAILED, problem=PROBLEM)
    return home


def test_the_list_marks_what_failed_and_can_be_filtered(three: Path, hands: Callable[[Any], Any]) -> None:
    person = hands(RunBrowser(str(three)))
    (run, _before) = person.controls("Dropdown")
    assert [label[:4] for label, _ in run.options] == ["fail", "ok  ", "ok  "]
    assert "<img" not in person.html()
    (text,), (failed,) = person.controls("Text"), person.controls("Checkbox")
    failed.value = True
    assert len(run.options) == 1
    failed.value, text.value = False, "A DOCUMENT converts"
    assert len(run.options) == 2
    assert "no luck" not in person.words().partition("run began")[2].partition("how it ended")[2]
    text.value = "nowhere"
    assert "no run like this" in person.words()
    assert person.controls("Dropdown") == [], "there is nothing to choose from"


def test_one_run_is_shown_and_two_are_compared(three: Path, hands: Callable[[Any], Any], make_run: MakeRun) -> None:
    person = hands(RunBrowser(str(three)))
    (run, before) = person.controls("Dropdown")
    assert run.value == run.options[0][1]
    person.press("Show this run")
    assert "convert holds" in person.words()
    person.press("What changed")
    person.await_words("docling 2.143.0 2.150.0")
    oldest = before.options[-1][1]
    before.value = oldest
    person.press("What changed")
    person.await_words(f"What changed since {oldest}")
    run.value = before.value
    before.value = before.options[0][1]
    person.press("What changed")
    person.await_words("There is no known run that worked before")
    make_run(3)
    person.press("Look again")
    person.wait(lambda: len(run.options) == 4, "the run that is new")
    assert run.value == oldest, "the choice stays"


def test_a_notebook_keeps_the_list_and_what_changed_since_it_last_worked(three: Path) -> None:
    before = {path: path.read_bytes() for path in three.rglob("*") if path.is_file()}
    runs, _, changed = str(RunBrowser(str(three))).partition("What changed since")
    assert runs.count("a document converts") == 2
    assert "2.143.0" in changed
    assert before == {path: path.read_bytes() for path in three.rglob("*") if path.is_file()}


def test_without_a_run_there_is_one_sentence(in_tmp_path: Path, hands: Callable[[Any], Any]) -> None:
    browser = RunBrowser()
    assert browser.sections() == (Note("Now", (f"no run is known in {in_tmp_path / 'runs'}",)),)
    person = hands(browser)
    assert person.buttons() == ["Look again"]
    assert not (in_tmp_path / "runs").exists(), "looking changes nothing"


def test_the_runs_are_those_around_the_run_that_the_settings_name(
    three: Path, in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(RunBrowser().history.entries) == 3, "runs/ beside the notebook"
    monkeypatch.setenv("RUNBOOK_RUN_DIR", str(in_tmp_path / "elsewhere" / "one"))
    assert RunBrowser().history.home == in_tmp_path / "elsewhere"
