"""Every fault the practice hub can play ends in recovery or one clear error, in time, with the cache still usable."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook_lib.errors import HubError, HubUnavailable
from runbook_lib.practice.faults import Fault
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Check, Status
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.run.record import StageRecord
from runbook_lib.stages.download.facts import DownloadFacts
from runbook_lib.stages.download.plan import plan_download
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.stage import verify
from tests.faults.conftest import MakeRepository
from tests.unit.passing_mirror import Passing, mirror

API, FILES, BODIES = "/api/*", "*/resolve/*", "/lfs/*"
LATE_S = 15.0
"""What a stage may take beyond its limit on a busy machine: starting three workers, and ending them."""
LISTING_LIMIT_S = 17.0
"""Stage download's own limit for asking what a model holds, with `probe_limit_s` at 1."""
HUB_WAITS_S = 15.0
"""Long enough for hub to start on a busy machine and to fail once; it gives up a few seconds later at the earliest."""

pytestmark = pytest.mark.slow


@pytest.fixture
def hub(make_repository: MakeRepository) -> Iterator[PracticeHub]:
    with PracticeHub(repositories=[make_repository(4, size_bytes=60_000)]) as running:
        yield running


@pytest.fixture
def open_limited(hub: PracticeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], OpenRun]:
    """Return `open_limited(seconds)`: a run whose download may take so long; one request of hub may take a second."""
    for name in ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"):
        monkeypatch.setenv(name, "1")

    def opened(download_limit_s: float) -> OpenRun:
        return open_run(
            run_dir=str(tmp_path / f"run-{download_limit_s:g}"),
            hub=hub.url,
            models="acme/model",
            cache_dir=str(tmp_path / "cache" / "hub"),
            artifacts_dir=str(tmp_path / "artifacts"),
            probe_limit_s=1.0,
            download_limit_s=download_limit_s,
        )

    return opened


@dataclass(frozen=True)
class Ending:
    """How a stage said that it failed."""

    evidence: str
    remedy: str
    quirk: str


def failed(record: StageRecord[DownloadFacts]) -> Ending:
    checks: tuple[Check, ...] = record.failed()
    assert len(checks) == 1, [check.title for check in checks]
    return Ending(checks[0].evidence, checks[0].remedy, checks[0].quirk)


def completes(run: OpenRun, hub: PracticeHub) -> bool:
    """Whether the same stage on the same cache, with a hub that behaves, ends complete and intact."""
    hub.play()
    return download(run).status is Status.OK and not verify(run).failed()


def partial_files(run: OpenRun) -> list[Path]:
    return list(run.cache_dir.rglob("*.incomplete"))


@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset", API, times=1),
        Fault("429", API, times=1),
        Fault("500", API, times=1),
        Fault("503", API, times=1),
        Fault("stall", FILES, times=1),
        Fault("reset", FILES, times=1),
        Fault("429", FILES, times=1),
        Fault("500", FILES, times=1),
        Fault("503", FILES, times=1),
        Fault("stall", BODIES, times=1, after_bytes=1000),
        Fault("reset", BODIES, times=1, after_bytes=1000),
        Fault("truncate", BODIES, times=1, after_bytes=1000),
        Fault("wrong_length", BODIES, times=1),
        Fault("slow", BODIES, bytes_per_s=60_000),
    ],
    ids=lambda fault: f"{fault.kind} {fault.path_glob}",
)
def test_what_passes_is_survived(hub: PracticeHub, open_limited: Callable[[float], OpenRun], fault: Fault) -> None:
    run = open_limited(60)
    hub.play(fault)
    record = download(run)
    assert record.status is Status.OK, record.failed()
    assert not verify(run).failed()


@pytest.mark.parametrize(
    ("fault", "cause", "remedy"),
    [
        (Fault("stall", API), "timed out", "01_detect"),
        (Fault("reset", API), "Connection reset by peer", "01_detect"),
        (Fault("block_page", API), "JSONDecodeError", "portal or filter"),
        (Fault("401", API), "401 Unauthorized", "No token was sent"),
        (Fault("403", API), "403 Forbidden: None", "portal or filter"),
        (Fault("gated", API), "Cannot access gated repo", "HF_TOKEN"),
        (Fault("404", API), "Repository Not Found", "Check repository and revision"),
        (Fault("429", API), "429 Too Many Requests", "limits this address"),
        (Fault("429", API, retry_after_s=300), "429 Too Many Requests", "limits this address"),
        (Fault("500", API), "500 Internal Server Error", "Wait and run again"),
        (Fault("503", API), "503 Service Unavailable", "Wait and run again"),
    ],
    ids=lambda value: f"{value.kind} {value.retry_after_s}" if isinstance(value, Fault) else "",
)
def test_an_api_that_does_not_answer_as_the_hub_does_is_one_clear_error(
    hub: PracticeHub, open_limited: Callable[[float], OpenRun], fault: Fault, cause: str, remedy: str
) -> None:
    run = open_limited(60)
    hub.play(fault)
    started = time.monotonic()
    with pytest.raises(HubError) as caught:
        download(run)
    assert time.monotonic() - started < LISTING_LIMIT_S + LATE_S
    assert caught.value.what == "The Hub does not tell what acme/model@main holds."
    assert cause in caught.value.why
    assert remedy in caught.value.remedy
    assert completes(run, hub)


@pytest.mark.parametrize(
    ("fault", "cause", "quirk"),
    [
        (Fault("reset", FILES), "Connection reset by peer", "hub-unreachable"),
        (Fault("block_page", FILES), "X-Repo-Commit", "proxy-blockpage"),
        (Fault("401", FILES), "401 Unauthorized", "repo-missing-or-gated"),
        (Fault("403", FILES), "403 Forbidden: None", "proxy-blockpage"),
        (Fault("gated", FILES), "Cannot access gated repo", "repo-missing-or-gated"),
        (Fault("404", FILES), "Repository Not Found", "repo-missing-or-gated"),
        (Fault("reset", BODIES, after_bytes=1000), "Connection reset by peer", "hub-unreachable"),
        (Fault("wrong_length", BODIES), "should be of size 60000 but has size 59999", "consistency-check"),
    ],
    ids=lambda value: f"{value.kind} {value.path_glob}" if isinstance(value, Fault) else "",
)
def test_files_that_cannot_be_had_are_one_failed_check(
    hub: PracticeHub, open_limited: Callable[[float], OpenRun], fault: Fault, cause: str, quirk: str
) -> None:
    run = open_limited(60)
    hub.play(fault)
    ending = failed(download(run))
    assert cause in ending.evidence
    assert ending.quirk == quirk
    assert ending.remedy
    assert partial_files(run) == []
    assert completes(run, hub)


@pytest.mark.parametrize(
    ("fault", "cause", "quirk"),
    [
        (Fault("stall", API), "", "snapshot-no-timeout-hang"),
        (Fault("stall", FILES), "", "snapshot-no-timeout-hang"),
        (Fault("429", FILES, retry_after_s=30), "429", "rate-limit-429"),
        (Fault("500", FILES), "500", "hub-server-error"),
        (Fault("503", FILES), "503", "hub-server-error"),
        (Fault("stall", BODIES, after_bytes=1000), "timed out", "incomplete-no-resume"),
        (Fault("truncate", BODIES, after_bytes=1000), "without sending complete message body", "incomplete-no-resume"),
    ],
    ids=lambda value: f"{value.kind} {value.path_glob}" if isinstance(value, Fault) else "",
)
def test_what_hub_would_wait_for_ends_at_the_limit_and_says_what_it_waited_for(
    hub: PracticeHub,
    open_limited: Callable[[float], OpenRun],
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    cause: str,
    quirk: str,
) -> None:
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "4")
    limit_s = HUB_WAITS_S if cause else 8.0
    run = open_limited(limit_s)
    plan = plan_download(run)
    hub.play(fault)
    started = time.monotonic()
    ending = failed(download(run, plan))
    assert time.monotonic() - started < limit_s + LATE_S
    assert "was stopped after" in ending.evidence
    assert cause in ending.evidence
    assert ending.quirk == quirk
    assert ending.remedy
    assert partial_files(run) == []
    assert completes(open_limited(60), hub)


@pytest.mark.parametrize(
    ("bytes_per_s", "advice"), [(1, "a mirror that is nearer (-p hub URL)"), (2000, "-p download_limit_s")]
)
def test_a_hub_that_answers_slowly_is_not_called_silent_and_says_how_much_is_missing(
    hub: PracticeHub,
    open_limited: Callable[[float], OpenRun],
    monkeypatch: pytest.MonkeyPatch,
    bytes_per_s: int,
    advice: str,
) -> None:
    """huggingface_hub writes ten megabytes at a time: on disk nothing is seen of bytes that arrive."""
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "10")
    run = open_limited(12)
    plan = plan_download(run)
    hub.play(Fault("slow", BODIES, bytes_per_s=bytes_per_s))
    ending = failed(download(run, plan))
    assert "was stopped after 12 s. The Hub answers, slowly: " in ending.evidence
    assert "a second; about 1" in ending.evidence, "of 180 KB hardly any came"
    assert ending.evidence.endswith("KB are missing.")
    assert advice in ending.remedy
    assert ending.quirk == ""
    assert partial_files(run) == []
    assert completes(open_limited(60), hub)


def test_a_listing_that_never_comes_ends_at_its_limit(
    hub: PracticeHub, open_limited: Callable[[float], OpenRun]
) -> None:
    run = open_limited(60)
    hub.play(Fault("stall", "*/tree/*"))
    started = time.monotonic()
    with pytest.raises(HubError, match="never answered"):
        download(run)
    assert time.monotonic() - started < LISTING_LIMIT_S + LATE_S
    assert completes(run, hub)


def test_a_listing_that_comes_a_byte_at_a_time_is_slow_and_not_silent(hub: PracticeHub, tmp_path: Path) -> None:
    with mirror(hub.url, Passing(drips="/tree/")) as slow:
        run = open_run(
            run_dir=str(tmp_path / "run"),
            hub=slow,
            models="acme/model",
            cache_dir=str(tmp_path / "hub"),
            artifacts_dir=str(tmp_path / "artifacts"),
            probe_limit_s=1.0,
        )
        with pytest.raises(HubUnavailable, match="too slowly") as caught:
            download(run)
    assert re.search(r"stopped after 17 s\. [\d.]+ \w+ arrived in 1\d\.\d s, \d+ bytes a second", caught.value.why)
    assert "-p probe_limit_s 10" in caught.value.remedy


def test_a_changed_byte_is_found_by_verify_which_names_the_file(
    hub: PracticeHub, open_limited: Callable[[float], OpenRun]
) -> None:
    """huggingface_hub compares lengths only, so that the download itself ends well."""
    run = open_limited(60)
    hub.play(Fault("corrupt", "*/w0.bin", after_bytes=30_000))
    record = download(run)
    assert record.status is Status.OK
    snapshot, artifacts = verify(run).failed()
    assert "w0.bin: wrong hash" in snapshot.evidence
    assert "w0.bin: wrong hash" in artifacts.evidence
    assert "repair" in snapshot.remedy
    damaged = Path(record.facts.models[0].snapshot, "w0.bin")
    damaged.resolve().unlink()
    damaged.unlink(missing_ok=True)
    Path(run.artifacts_dir, "acme--model", "w0.bin").unlink()
    assert completes(run, hub)
