"""Models for a service that starts up, against the practice hub and the unmodified client."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from runbook_lib import DoclingModelManager
from runbook_lib.cache.locks import download_lock
from runbook_lib.errors import DiskError, HubError, RunbookError, SettingsError, StageFailed
from runbook_lib.pipeline.spec import PipelineSpec
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.practice.content import Content
from runbook_lib.practice.faults import Fault
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.interpreter import versions_of
from runbook_lib.run.wanted_models import asked_of, remember_wanted
from runbook_lib.system.packages import own_packages

REPO = "practice/tiny"
WEIGHTS = "model.safetensors"
PADDING = Content.of_padding(200_000)


@pytest.fixture
def hub() -> Iterator[PracticeHub]:
    trees = [
        (
            RepositoryFile("config.json", Content.of_bytes(b'{"number": %d}' % number)),
            RepositoryFile(WEIGHTS, PADDING, lfs=True),
        )
        for number in (1, 2)
    ]
    with PracticeHub(repositories=[linear_history(REPO, *trees)], head="first") as running:
        yield running


class Service:
    """A service's start-up: its manager and what it logged."""

    def __init__(self, hub: PracticeHub, home: Path, log: pytest.LogCaptureFixture) -> None:
        self.hub, self.home, self.log = hub, home, log
        log.set_level(logging.INFO)

    def manager(self, *, models: str = REPO, **options: object) -> DoclingModelManager:
        return DoclingModelManager(
            logging.getLogger("service"),
            cache_dir=self.home / "hub",
            artifacts_dir=self.home / "artifacts",
            models=models,
            hub=self.hub.url,
            **options,  # type: ignore[arg-type]  # each test names its own
        )

    @property
    def weights(self) -> Path:
        return self.home / "artifacts" / "practice--tiny" / WEIGHTS


@pytest.fixture
def service(hub: PracticeHub, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Service:
    return Service(hub, tmp_path, caplog)


def test_models_are_downloaded_once_and_then_no_network_is_touched(service: Service, hub: PracticeHub) -> None:
    ready = service.manager().ensure_models_downloaded()
    assert ready.fetched_bytes == PADDING.size_bytes + len(b'{"number": 1}')
    assert service.weights.stat().st_size == PADDING.size_bytes
    hub.reset_counters()
    again = service.manager().ensure_models_downloaded(verify=True)
    assert hub.counters.requests == 0
    assert (again.models, again.fetched_bytes) == (ready.models, 0)


def test_a_warm_start_asks_no_process_and_no_network(
    service: Service, hub: PracticeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = service.manager().ensure_models_downloaded()
    of = asked_of(versions_of(own_packages()), sys.prefix, PipelineSpec())
    remember_wanted(ready.artifacts_dir, of, Wanted.named(ready.models))
    hub.reset_counters()
    monkeypatch.setattr(subprocess, "Popen", None)
    assert service.manager(models="docling").ensure_models_downloaded().models == ready.models
    assert hub.counters.requests == 0


def test_the_environment_of_the_runbook_is_set_in_the_service(service: Service) -> None:
    service.manager().ensure_models_downloaded()
    assert os.environ["DOCLING_ARTIFACTS_PATH"] == str(service.home / "artifacts")


def test_a_file_that_is_gone_is_put_back(service: Service) -> None:
    service.manager().ensure_models_downloaded()
    service.weights.unlink()
    ready = service.manager().ensure_models_downloaded()
    assert service.weights.stat().st_size == PADDING.size_bytes
    assert ready.fetched_bytes == 0


def test_a_new_pin_downloads_only_what_changed_when_hard_links_are_used(service: Service, hub: PracticeHub) -> None:
    first, second = hub.repositories[0].commits
    service.manager(models=f"{REPO}@{first.id}", links="hardlink").ensure_models_downloaded()
    hub.reset_counters()
    ready = service.manager(models=f"{REPO}@{second.id}", links="hardlink").ensure_models_downloaded()
    assert (ready.fetched_bytes, ready.linked_bytes) == (len(b'{"number": 2}'), PADDING.size_bytes)
    assert hub.counters.weight_bytes == 0
    assert service.weights.stat().st_nlink == 3


def flip_a_bit(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[1000] ^= 1
    path.chmod(0o644)
    path.write_bytes(damaged)


def test_a_copy_that_was_written_to_is_placed_again_without_fetching(service: Service) -> None:
    service.manager(links="copy").ensure_models_downloaded()
    before = service.weights.read_bytes()
    flip_a_bit(service.weights)
    assert service.manager(links="copy").ensure_models_downloaded().fetched_bytes == 0
    assert service.weights.read_bytes() == before


def test_weights_written_through_a_hard_link_are_one_clear_error(service: Service) -> None:
    service.manager(links="hardlink").ensure_models_downloaded()
    flip_a_bit(service.weights)
    if service.weights.stat().st_nlink == 1:
        pytest.skip("this volume has reflinks, which nobody writes through")
    with pytest.raises(StageFailed, match="a program has written to it since it was placed"):
        service.manager(links="hardlink").ensure_models_downloaded()


def test_verify_finds_a_flipped_bit_that_the_quick_check_does_not_look_for(service: Service) -> None:
    service.manager(links="copy").ensure_models_downloaded()
    facts = service.weights.stat()
    flip_a_bit(service.weights)
    os.utime(service.weights, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert service.manager().ensure_models_downloaded().fetched_bytes == 0
    with pytest.raises(StageFailed, match=r"model\.safetensors is damaged"):
        service.manager().ensure_models_downloaded(verify=True)


def test_offline_with_nothing_here_is_one_clear_error_and_no_request(service: Service, hub: PracticeHub) -> None:
    with pytest.raises(HubError, match="not in the cache") as caught:
        service.manager(offline=True).ensure_models_downloaded()
    assert "Run stage download once online" in caught.value.remedy
    assert hub.counters.requests == 0


def test_offline_with_half_a_cache_says_what_is_missing(service: Service) -> None:
    service.manager(links="copy").ensure_models_downloaded()
    service.weights.unlink()
    next((service.home / "hub").rglob(f"snapshots/*/{WEIGHTS}")).unlink()
    with pytest.raises(HubError, match="not complete") as caught:
        service.manager(offline=True, links="copy").ensure_models_downloaded()
    assert WEIGHTS in caught.value.why


def test_offline_with_a_whole_cache_the_artifacts_are_placed(service: Service, hub: PracticeHub) -> None:
    service.manager(links="copy").ensure_models_downloaded()
    service.weights.unlink()
    hub.reset_counters()
    service.manager(offline=True, links="copy").ensure_models_downloaded()
    assert service.weights.stat().st_size == PADDING.size_bytes
    assert hub.counters.requests == 0


def test_a_model_the_hub_does_not_have_is_one_clear_error(service: Service) -> None:
    with pytest.raises(HubError, match="practice/unknown"):
        service.manager(models="practice/unknown").ensure_models_downloaded()


def test_a_download_that_fails_ends_in_one_clear_error_and_can_be_repeated(service: Service, hub: PracticeHub) -> None:
    hub.play(Fault("403", f"*/resolve/*/{WEIGHTS}"))
    with pytest.raises(StageFailed, match="is in the cache"):
        service.manager().ensure_models_downloaded()
    hub.play()
    assert service.manager().ensure_models_downloaded().models
    assert service.weights.stat().st_size == PADDING.size_bytes


def test_another_process_that_downloads_is_waited_for(service: Service) -> None:
    path = download_lock(service.home / "hub")
    path.parent.mkdir(parents=True)
    lock = FileLock(path, thread_local=False)  # released by the timer's thread
    lock.acquire()
    threading.Timer(2.5, lock.release).start()
    service.manager().ensure_models_downloaded()
    assert any("waiting for another process" in message for message in service.log.messages)
    assert service.weights.is_file()


def test_waiting_ends_at_the_limit_with_one_clear_error(service: Service) -> None:
    path = download_lock(service.home / "hub")
    path.parent.mkdir(parents=True)
    with FileLock(path), pytest.raises(DiskError, match="going on in another process"):
        service.manager(limit_s=1.5).ensure_models_downloaded()


def test_a_place_that_cannot_be_written_is_one_clear_error(hub: PracticeHub, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    manager = DoclingModelManager(
        cache_dir=tmp_path / "file" / "hub", artifacts_dir=tmp_path / "art", models=REPO, hub=hub.url
    )
    with pytest.raises(RunbookError) as caught:
        manager.ensure_models_downloaded()
    assert caught.value.remedy


def test_a_service_that_imported_hub_before_is_warned_and_gets_its_models(hub: PracticeHub, tmp_path: Path) -> None:
    script = f"""
import huggingface_hub.constants, logging, sys
logging.basicConfig(level=logging.WARNING)
from runbook_lib import DoclingModelManager
home = sys.argv[1]
manager = DoclingModelManager(cache_dir=home + "/hub", artifacts_dir=home + "/art", models="{REPO}", hub="{hub.url}")
print(manager.ensure_models_downloaded().fetched_bytes)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) > PADDING.size_bytes
    assert "huggingface_hub was imported before" in done.stderr
    assert "HF_HUB_CACHE" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="torch does not start under Wine")
def test_a_preloaded_converter_converts_with_the_hub_gone(tmp_path: Path) -> None:
    script = """
import pathlib, sys
from runbook_lib import DoclingModelManager
from runbook_lib.practice.sample import sample_document
from runbook_lib.practice.server import PracticeHub
home = pathlib.Path(sys.argv[1])
with PracticeHub() as hub:
    manager = DoclingModelManager(cache_dir=home / "hub", artifacts_dir=home / "art", hub=hub.url)
    models = manager.ensure_models_downloaded().models
    hub.reset_counters()
    assert manager.ensure_models_downloaded().models == models
    assert hub.counters.requests == 0
converter = manager.converter(preload=True)
print(converter.convert(sample_document()).status.name)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split()[-1:] == ["SUCCESS"], done.stderr[-2000:]


def test_words_that_mean_nothing_are_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="models"):
        DoclingModelManager(models="not a model")
