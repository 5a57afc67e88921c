import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from runbook_lib.checks.fixes import FIXES
from runbook_lib.interactive.check_list import CheckList
from runbook_lib.interactive.fixing import fix_for
from runbook_lib.run.check import Check, Status
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.measure_disk.stage import measure_disk
from runbook_lib.stages.verify.stage import verify
from tests.unit.interactive.conftest import LAYOUT

WEIGHTS = f"{LAYOUT.replace('/', '--')}/model.safetensors"


def check(check_id: str, status: Status, **more: str) -> Check:
    return Check(id=check_id, title=f"title of {check_id}", status=status, evidence="seen", **more)


def record_of(*checks: Check, stage: str = "detect") -> StageRecord[RawFacts]:
    return StageRecord[RawFacts](
        stage=stage, started_at=datetime.now(UTC), elapsed_s=0.1, facts=RawFacts(), checks=checks
    )


@pytest.fixture
def damaged(practice_run: OpenRun) -> CheckList:
    """A model whose weights got a wrong byte, verified."""
    download(practice_run).require()
    path = practice_run.artifacts_dir / WEIGHTS
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    return CheckList(practice_run, verify(practice_run))


def test_the_filter_shows_the_checks_of_one_status(practice_run: OpenRun, hands: Callable[[Any], Any]) -> None:
    record = record_of(check("a", Status.OK), check("b", Status.FAIL), check("c", Status.OK))
    person = hands(CheckList(practice_run, record))
    (choice,) = person.controls("ToggleButtons")
    assert [label for label, _ in choice.options] == ["all (3)", "fail (1)", "ok (2)"]
    assert person.words().index("title of b") < person.words().index("title of a"), "what needs a hand comes first"
    choice.value = "fail"
    assert "title of b" in person.words()
    assert "title of a" not in person.words()


def test_what_failed_is_open_and_what_is_well_is_not(practice_run: OpenRun, hands: Callable[[Any], Any]) -> None:
    shown = hands(CheckList(practice_run, record_of(check("a", Status.FAIL), check("b", Status.OK)))).html()
    assert shown.count("<details open>") == 1
    assert shown.count("<details>") == 1


def test_evidence_opens_on_click_and_is_escaped(practice_run: OpenRun, hands: Callable[[Any], Any]) -> None:
    hostile = Check(id="a", title="<b>t</b>", status=Status.FAIL, evidence="<script>alert(1)</script>")
    shown = hands(CheckList(practice_run, record_of(hostile))).html()
    assert "<details open><summary><strong>fail</strong> &lt;b&gt;t&lt;/b&gt;</summary>" in shown
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_the_allow_list_of_the_doctor_gets_a_button_and_nothing_else_does(practice_run: OpenRun) -> None:
    for fix in FIXES:
        assert fix_for(practice_run, "detect", check(fix.check_id, Status.FAIL)) is not None
        assert fix_for(practice_run, "detect", check(fix.check_id, Status.OK)) is None
    assert fix_for(practice_run, "detect", check("cache-writable", Status.FAIL)) is None
    assert fix_for(practice_run, "verify", check("pickle", Status.WARN)) is None


def test_fixing_shows_the_plan_then_fixes_and_checks_again(damaged: CheckList, hands: Callable[[Any], Any]) -> None:
    person = hands(damaged)
    assert "Stage verify: fail" in person.words()
    person.press("Fix ...")
    person.await_words("names go to quarantine")
    person.press("Do this")
    person.wait(lambda: damaged.record.status is Status.OK, "the record is ok")
    person.await_words("Stage verify: ok")
    assert "Repair: ok" in person.words()
    person.wait(lambda: "Fix ..." not in person.buttons(), "nothing is left to fix")
    assert verify(damaged.run).status is Status.OK


def test_a_plan_that_is_left_changes_nothing(damaged: CheckList, hands: Callable[[Any], Any]) -> None:
    person = hands(damaged)
    person.press("Fix ...")
    person.await_words("names go to quarantine")
    person.press("Leave it")
    assert "Do this" not in person.buttons()
    assert verify(damaged.run).status is Status.FAIL


def test_a_partial_file_is_removed_by_the_doctors_fix(practice_run: OpenRun, hands: Callable[[Any], Any]) -> None:
    download(practice_run).require()
    blobs = practice_run.cache_dir / f"models--{LAYOUT.replace('/', '--')}" / "blobs"
    blobs.mkdir(exist_ok=True)
    leftover = blobs / f"{'0' * 64}.deadbeef.incomplete"
    leftover.write_bytes(b"half")
    os.utime(leftover, (0, 0))
    view = CheckList(practice_run, measure_disk(practice_run))
    person = hands(view)
    person.press("Fix ...")
    person.await_words("Would be changed")
    assert leftover.exists()
    person.press("Do this")
    person.wait(lambda: view.record.status is Status.OK, "the record is ok")
    assert not leftover.exists()


def test_a_fixing_that_fails_says_what_and_what_to_do(damaged: CheckList, hands: Callable[[Any], Any]) -> None:
    person = hands(damaged)
    person.press("Fix ...")
    person.await_words("names go to quarantine")
    object.__setattr__(damaged.run.resolved, "values", damaged.run.settings.model_copy(update={"offline": True}))
    person.press("Do this")
    person.await_words("Repair has to fetch files, and this run is offline")
    assert "what to do:" in person.words()


def test_checks_are_made_again_on_request(practice_run: OpenRun, hands: Callable[[Any], Any]) -> None:
    view = CheckList(practice_run, record_of(check("old", Status.FAIL), stage="measure_disk"))
    person = hands(view)
    person.press("Check again")
    person.await_words("every content stands on disk once")
    assert practice_run.has("measure_disk")
