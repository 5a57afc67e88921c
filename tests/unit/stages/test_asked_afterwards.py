"""What was known of docling without asking it is compared with what it says once it is imported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.pipeline.answer import AnsweredBy
from runbook_lib.pipeline.wanted import MissingPart, Wanted, WantedRepository
from runbook_lib.run.check import Check, Status
from runbook_lib.run.interpreter import wanted_for
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.run.started_stage import StartedStage
from runbook_lib.run.wanted_models import remembered_wanted
from runbook_lib.stages.convert import asked
from runbook_lib.stages.convert.asked import ask_afterwards, is_to_be_asked, judge_asked
from runbook_lib.stages.convert.conversions import Conversions
from runbook_lib.stages.detect import DetectFacts
from runbook_lib.workers.failure import WorkerFailed
from runbook_lib.workers.host import Interpreter

MakeFacts = Callable[..., DetectFacts]
LAYOUT = WantedRepository(repo_id="org/layout", revision="main", stage="LayoutModel")
TABLES = WantedRepository(repo_id="org/tables", revision="v1", stage="TableStructureModel")
KNOWN, BOTH = Wanted(repositories=(LAYOUT,)), Wanted(repositories=(LAYOUT, TABLES))
NO_TORCH = Wanted(
    missing=(MissingPart(stage="docling", type="ModuleNotFoundError", message="No module named 'torch'"),)
)


@pytest.fixture
def detected(in_tmp_path: Path, detect_facts: MakeFacts) -> Callable[..., OpenRun]:
    """Open a run whose stage detect knew an answer, or had it from elsewhere."""

    def opened(by: AnsweredBy = AnsweredBy.KNOWN, **settings: Any) -> OpenRun:
        places = {"cache_dir": str(in_tmp_path / "hub"), "artifacts_dir": str(in_tmp_path / "artifacts")}
        (in_tmp_path / "artifacts").mkdir()
        run = open_run(run_dir=str(in_tmp_path / "run"), **{**places, **settings})
        StartedStage(run, "detect").finish(detect_facts(answered_by=by, wanted=KNOWN), ())
        return run

    return opened


def conversions(wanted: Wanted | None = None) -> Conversions:
    made = Conversions(Interpreter(), {}, ["page.pdf"])
    made.wanted = wanted
    return made


def kept(run: OpenRun) -> Wanted | None:
    facts = run.read("detect", DetectFacts).facts.interpreter
    return remembered_wanted(run.artifacts_dir, wanted_for(run, facts.packages, facts.prefix))


def judged(run: OpenRun, said: Wanted, *, converted: bool = True) -> Check:
    seen = ask_afterwards(run, conversions(said), "")
    assert seen is not None
    return judge_asked(seen, converted=converted)


def test_the_same_is_well_and_is_kept_as_what_docling_said(detected: Callable[..., OpenRun]) -> None:
    run = detected()
    assert is_to_be_asked(run)
    assert judged(run, KNOWN).status is Status.OK
    assert kept(run) == KNOWN


@pytest.mark.parametrize(("converted", "status"), [(True, Status.WARN), (False, Status.FAIL)])
def test_another_answer_is_named_and_counts_from_now_on(
    detected: Callable[..., OpenRun], converted: bool, status: Status
) -> None:
    run = detected()
    check = judged(run, BOTH, converted=converted)
    assert (check.status, check.fixed_by) == (status, "01_detect")
    assert check.evidence == "only known: nothing; only docling says: org/tables@v1"
    assert "run it all again" in check.remedy.lower()
    assert kept(run) == BOTH


def test_where_the_answer_cannot_be_kept_running_again_is_not_all_that_is_advised(
    detected: Callable[..., OpenRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(asked, "remember_wanted", refuse)
    check = judged(detected(), BOTH)
    assert check.status is Status.WARN
    assert "-p models" in check.remedy


def test_a_docling_that_lacks_something_says_so_although_its_answer_was_known(detected: Callable[..., OpenRun]) -> None:
    run = detected()
    check = judged(run, NO_TORCH, converted=False)
    assert check.status is Status.FAIL
    assert "No module named 'torch'" in check.evidence
    assert "Install what is missing" in check.remedy
    assert kept(run) is None, "that can be mended without a change of a version"


def test_models_that_are_named_are_not_what_docling_is_asked_about(detected: Callable[..., OpenRun]) -> None:
    run = detected(models="org/layout@main", pipeline="ocr=auto")
    assert judged(run, BOTH).status is Status.OK


@pytest.mark.parametrize("by", [AnsweredBy.ASKED, AnsweredBy.KEPT, AnsweredBy.NAMED])
def test_a_docling_that_was_asked_is_not_asked_again(detected: Callable[..., OpenRun], by: AnsweredBy) -> None:
    run = detected(by)
    assert not is_to_be_asked(run)
    assert ask_afterwards(run, conversions(BOTH), "") is None


def test_a_run_without_stage_detect_has_nothing_to_compare(in_tmp_path: Path) -> None:
    assert not is_to_be_asked(open_run(run_dir=str(in_tmp_path / "run"), hub="http://127.0.0.1:9"))


def test_where_nothing_is_converted_nobody_is_asked(detected: Callable[..., OpenRun]) -> None:
    seen = ask_afterwards(detected(), conversions(), "Wine plays Windows here")
    assert seen is not None
    check = judge_asked(seen, converted=True)
    assert (check.status, "Wine" in check.evidence) == (Status.SKIP, True)


@pytest.mark.parametrize("fails", [False, True])
def test_a_process_that_never_came_so_far_is_replaced_by_another(
    detected: Callable[..., OpenRun], monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    def asking(*_: object) -> Wanted:
        if fails:
            raise WorkerFailed("list_pipeline_models", (), "no memory")
        return BOTH

    monkeypatch.setattr(asked, "ask_docling", asking)
    seen = ask_afterwards(detected(), conversions(), "")
    assert seen is not None
    check = judge_asked(seen, converted=False)
    assert check.status is (Status.SKIP if fails else Status.FAIL)
    assert ("no memory" in check.evidence) is fails
