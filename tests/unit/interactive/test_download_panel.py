from collections.abc import Callable
from typing import Any

import pytest

from runbook_lib.interactive.download_panel import DownloadPanel, _Pace
from runbook_lib.practice.faults import Fault
from runbook_lib.practice.server import running_hub
from runbook_lib.run.check import Status
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.download.plan import plan_download
from tests.unit.interactive.conftest import PAD_MB


def test_a_download_shows_every_file_and_ends_with_its_record(
    practice_run: OpenRun, hands: Callable[[Any], Any]
) -> None:
    panel = DownloadPanel(practice_run, plan_download(practice_run))
    person = hands(panel)
    person.press("Download")
    person.await_words("Stage download: ok")
    assert panel.record is not None
    assert panel.record.status is Status.OK
    for planned in plan_download(practice_run).models:
        assert planned.is_cached
        for file in planned.listing.files:
            assert f"{planned.model.repo_id}/{file.path}" in person.words()
    assert person.html().count("<progress ") == 7
    assert person.button("Cancel").disabled
    assert not person.button("Download").disabled


def test_a_cancelled_download_leaves_a_clean_cache_and_can_go_on(
    padded_run: OpenRun, hands: Callable[[Any], Any]
) -> None:
    hub = running_hub(pad_bytes=PAD_MB * 1_000_000, head="second")
    hub.play(Fault("slow", path_glob="*.safetensors", bytes_per_s=8_000_000))
    panel = DownloadPanel(padded_run, plan_download(padded_run))
    person = hands(panel)
    person.press("Download")
    person.wait(lambda: list(padded_run.cache_dir.rglob("*.incomplete")), "a partial file")
    person.press("Cancel")
    person.await_words("Cancelled.")
    assert list(padded_run.cache_dir.rglob("*.incomplete")) == []
    (planned,) = plan_download(padded_run).models
    assert "model.safetensors" in planned.missing
    hub.play()
    person.press("Download")
    person.await_words("Stage download: ok")
    assert plan_download(padded_run).models[0].is_cached


def test_a_rate_needs_two_looks_and_bytes_that_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((0.0, 1.0, 2.0))
    monkeypatch.setattr("runbook_lib.interactive.download_panel.monotonic", lambda: next(clock))
    pace = _Pace()
    pace.note(0)
    assert pace.words(10_000_000) == ""
    pace.note(0)
    assert pace.words(10_000_000) == ""
    pace.note(4_000_000)
    assert pace.words(10_000_000) == "2.0 MB/s, 3.00 s left"
    assert pace.words(4_000_000) == "whole"
