"""The stages end to end on the practice hub, without notebooks; most name the models, so that docling is not asked."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib import configure_env, convert, detect, download, measure_disk, open_run, plan_download, verify
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import HubError
from runbook_lib.pipeline.answer import MODELS_AS_KNOWN, AnsweredBy
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.practice.sample import scanned_page
from runbook_lib.practice.server import PracticeHub, running_hub
from runbook_lib.run import interpreter
from runbook_lib.run.check import Status
from runbook_lib.run.folder import STAGES
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import RawFacts
from runbook_lib.stages.convert.collect import request_for
from runbook_lib.workers.host import Interpreter
from runbook_lib.workers.process import WorkerProcess

LAYOUT = "docling-project/docling-layout-heron"
TABLES = "docling-project/docling-models"
BOTH = f"{LAYOUT}@main,{TABLES}@v2.3.0"

Open = Callable[..., OpenRun]


@pytest.fixture
def open_practice(in_tmp_path: Path) -> Open:
    """Open a practice run; each name is a run folder of its own, cache and artifacts folder are shared."""

    def call(name: str = "run", **parameters: Any) -> OpenRun:
        places = {"cache_dir": str(in_tmp_path / "my hub {x} ä"), "artifacts_dir": str(in_tmp_path / "artifacts")}
        return open_run(
            run_dir=str(in_tmp_path / name), **{"hub": "practice", "models": f"{LAYOUT}@main", **places, **parameters}
        )

    return call


def hub_of(run: OpenRun) -> PracticeHub:
    """Return the hub the run talks to, counting from zero."""
    hub = running_hub(pad_bytes=0, head=run.settings.practice_head)
    assert hub.url == run.endpoint
    hub.reset_counters()
    return hub


def fetched_bytes(hub: PracticeHub) -> int:
    """Return the body bytes of files, without what the API answered; weights are served under a path of their own."""
    small = sum(counters.body_bytes for path, counters in hub.counters.by_path.items() if "/resolve/" in path)
    return small + hub.counters.weight_bytes


def test_detect_to_verify_and_measure_with_both_models(open_practice: Open) -> None:
    run = open_practice(models=BOTH)
    hub = hub_of(run)
    seen = detect(run)
    assert seen.failed() == ()
    assert [str(model) for model in seen.facts.models] == BOTH.split(",")
    assert configure_env(run).status is Status.OK
    assert os.environ["HF_HUB_CACHE"] == str(run.cache_dir)

    plan = plan_download(run)
    assert [planned.model.repo_id for planned in plan.models] == [LAYOUT, TABLES]
    assert plan.fits
    assert fetched_bytes(hub) == 0, "planning fetches no file"
    fetched = download(run, plan)
    assert fetched.failed() == ()
    sizes = sum(planned.listing.size_bytes for planned in plan.models)
    assert sum(model.fetched_bytes for model in fetched.facts.models) == sizes == fetched_bytes(hub)
    for planned in plan.models:
        for file in planned.listing.files:
            placed = run.artifacts_dir / planned.model.folder_name / file.path
            assert placed.stat().st_size == file.size_bytes

    checked = verify(run)
    assert checked.status is Status.OK
    assert checked.facts.hashed_bytes >= sizes

    measured = measure_disk(run)
    assert measured.status is Status.OK
    assert {usage.repo_id for usage in measured.facts.repositories} == {LAYOUT, TABLES}
    assert measured.facts.shared_bytes > 0
    assert (run.folder / "disk.png").read_bytes().startswith(b"\x89PNG")

    assert tuple(record.stage for record in run.records()) == tuple(stage for stage in STAGES if stage != "convert")
    for record in run.records():
        assert json.loads(run.record_path(record.stage).read_text(encoding="utf-8"))["status"] == record.status.value


def test_a_second_download_fetches_nothing(open_practice: Open) -> None:
    run = open_practice()
    assert download(run).failed() == ()
    hub = hub_of(run)
    again = download(open_practice("another run"))
    assert again.failed() == ()
    assert fetched_bytes(hub) == 0
    (model,) = again.facts.models
    assert model.fetched_bytes == 0
    assert model.placement is not None
    assert (model.placement.linked, model.placement.copied, model.placement.removed) == (0, 0, 0)
    assert again.changes == ()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Interpreter]:
    """Collect what was started for a worker."""
    interpreters: list[Interpreter] = []
    start = Interpreter.start

    def noted(interpreter: Interpreter) -> WorkerProcess:
        interpreters.append(interpreter)
        return start(interpreter)

    monkeypatch.setattr(Interpreter, "start", noted)
    return interpreters


def test_two_models_are_listed_and_fetched_by_one_process(open_practice: Open, started: list[Interpreter]) -> None:
    assert download(open_practice(models=BOTH)).failed() == ()
    assert len(started) == 1


def test_a_refused_plan_starts_no_process(open_practice: Open, started: list[Interpreter]) -> None:
    with pytest.raises(HubError):
        plan_download(open_practice(offline=True))
    assert started == []


def test_offline_works_from_a_filled_cache_and_asks_nobody(open_practice: Open) -> None:
    hub = hub_of(run := open_practice())
    download(run)
    hub.reset_counters()
    offline = open_practice("offline", offline=True)
    assert next(check for check in detect(offline).checks if check.id == "hub-reachable").status is Status.SKIP
    assert configure_env(offline).status is Status.OK
    assert download(offline).failed() == ()
    assert verify(offline).failed() == ()
    assert hub.counters.requests == 0


def test_offline_with_an_empty_cache_is_one_clear_error(open_practice: Open) -> None:
    run = open_practice(offline=True)
    with pytest.raises(HubError) as caught:
        plan_download(run)
    assert f"{LAYOUT}@main is not in the cache" in caught.value.what
    assert "online" in caught.value.remedy


@pytest.mark.parametrize(
    "links",
    [
        pytest.param("symlink", marks=pytest.mark.skipif(os.name == "nt", reason="needs a privilege there")),
        "hardlink",
    ],
)
def test_a_moved_head_fetches_only_what_changed(open_practice: Open, links: str) -> None:
    first = open_practice(links=links, practice_head="first")
    assert download(first).failed() == ()
    second = open_practice("second", links=links, practice_head="second")
    hub = hub_of(second)
    record = download(second)
    assert record.failed() == ()
    assert hub.counters.weight_bytes == 0
    readme = next(file for file in record.facts.models[0].listing.files if file.path == "README.md")
    assert fetched_bytes(hub) == readme.size_bytes
    assert verify(second).failed() == ()


def test_a_stage_failing_to_reach_the_hub_names_cause_and_ways_on(in_tmp_path: Path) -> None:
    run = open_run(
        run_dir=str(in_tmp_path / "run"),
        hub="http://127.0.0.1:9",
        models=f"{LAYOUT}@main",
        cache_dir=str(in_tmp_path / "hub"),
        artifacts_dir=str(in_tmp_path / "artifacts"),
        probe_limit_s=2.0,
    )
    (failed,) = detect(run).failed()
    assert failed.id == "hub-reachable"
    assert "step tcp failed" in failed.evidence
    with pytest.raises(HubError, match="does not tell what"):
        plan_download(run)


def test_a_hub_variable_that_breaks_its_import_is_reported_and_not_a_crash(
    open_practice: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "10s")
    run = open_practice()
    troubled = {check.id: check for check in detect(run).checks if check.status is Status.WARN}
    assert "ValueError" in troubled["huggingface-hub-imports"].evidence
    assert "HF_HUB_ETAG_TIMEOUT is not a whole number" in troubled["variables"].evidence
    assert configure_env(run).failed() == ()
    assert os.environ["HF_HUB_ETAG_TIMEOUT"] == "30"


@pytest.mark.parametrize("breaks", [False, True])
def test_what_is_known_does_not_hide_that_the_hub_client_cannot_be_imported(
    open_practice: Open, monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    """Nor that docling, which imports it, cannot."""
    known = Wanted.named((ModelRef(LAYOUT),))
    monkeypatch.setattr(interpreter, "known_answer", lambda *_: known)
    monkeypatch.setattr(interpreter, "ask_docling", lambda *_: Wanted())
    if breaks:
        monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "10s")
    facts = detect(open_practice(models="docling")).facts
    assert (facts.answered_by, facts.wanted) == ((AnsweredBy.ASKED, Wanted()) if breaks else (AnsweredBy.KNOWN, known))
    assert any(facts.answered_by.words in str(section) for section in facts.wanted_sections())


@pytest.mark.slow
def test_the_samples_convert_with_what_was_fetched_and_no_ocr_model_may_be_garbage(
    open_practice: Open, tmp_path: Path
) -> None:
    """rapidocr 3.10 loads nothing before a page has text, and each model only after the one before found something.

    docling is imported for the conversion alone, and says then that it takes what was known of it.
    """
    run = open_practice(models="docling")
    seen = detect(run).facts
    if sys.platform != "darwin":
        assert seen.answered_by is AnsweredBy.KNOWN
    assert [str(model) for model in seen.models] == BOTH.split(",")
    assert download(run).failed() == ()
    record = convert(run)
    assert record.failed() == ()
    names = {"converted", "documents-readable", "has-text", "all-pages", "known-sentences", "no-network"}
    checks = {check.id: check.status for check in record.checks}
    if seen.answered_by is AnsweredBy.KNOWN:
        assert checks.pop(MODELS_AS_KNOWN) is Status.OK
        again = detect(open_practice("again", models="docling")).facts
        assert (again.answered_by, again.wanted) == (AnsweredBy.KEPT, seen.wanted)
    assert set(checks) == names
    assert [done.kind for done in record.facts.documents] == ["born digital", "scanned"]
    assert "What went wrong on Windows" in run.text("document.md")
    assert "only OCR can read them" in run.text("2-document.md")
    assert len(run.pictures(record)) == 3
    assert run.read("convert", RawFacts).status is record.status
    assert damaged_ones_that_pass(run, tmp_path) == []


def damaged_ones_that_pass(run: OpenRun, tmp_path: Path) -> list[str]:
    """Put 300 KB of noise in place of each OCR model in turn, and return those with which the scan still converts."""
    passing = []
    models = sorted((run.artifacts_dir / "RapidOcr").glob("*.onnx"))
    assert len(models) == 3
    request = {**request_for(run, [scanned_page()], tmp_path, samples=False), "pictures": 0}
    with Interpreter().worker() as worker:
        for model in models:
            whole = model.read_bytes()
            model.write_bytes(os.urandom(300_000))
            told: list[Mapping[str, Any]] = []
            worker.run("convert_document", request, limit_s=300, on_event=told.append)
            (done,) = [event["document"] for event in told if "document" in event]
            passing += [model.name] if done["status"] == "success" else []
            model.write_bytes(whole)
    return passing


@pytest.mark.slow
def test_without_ocr_the_verdict_says_that_no_scan_was_converted(open_practice: Open) -> None:
    run = open_practice(models=BOTH, pipeline="ocr=off")
    download(run)
    record = convert(run)
    assert record.failed() == ()
    assert "no scan was converted" in str(record.facts)
    assert [done.kind for done in record.facts.documents] == ["born digital"]
