"""Where models are missing, damaged or denied: the example service does not start, says why, and how to go on."""

import os
import shutil
import signal
import time
from pathlib import Path
from shutil import which

import pytest
from filelock import FileLock

from runbook_lib.cache.locks import download_lock
from runbook_lib.practice.faults import Fault
from runbook_lib.practice.layout_model import REPO_ID as LAYOUT
from runbook_lib.practice.server import PracticeHub
from tests.service.conftest import AS_FETCHED
from tests.service.running import RunningService, log_of, start

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("example-service"), pytest.mark.timeout(900)]

LAYOUT_FOLDER = LAYOUT.replace("/", "--")
_LIMIT_S = 120


@pytest.fixture
def home(service: RunningService, tmp_path: Path) -> Path:
    """A home with the models of the running service, and no cache to take them from."""
    shutil.copytree(service.home / AS_FETCHED, tmp_path / "artifacts")
    return tmp_path


def ended(home: Path, before: tuple[str, ...] = (), **variables: str) -> tuple[int, str]:
    """Start it and return exit code and log; it ends by itself."""
    process = start(home, variables, before)
    try:
        return process.wait(_LIMIT_S), log_of(home).read_text(encoding="utf-8")
    finally:
        process.kill()
        process.wait()


def require_clear(said: str, *words: str) -> None:
    _, found, error = said.partition("the service does not start: ")
    assert found, said
    assert "what to do: " in error
    assert "Traceback" not in error
    assert [word for word in words if word not in error] == []


def test_without_a_model_and_without_a_network(home: Path, hub: PracticeHub) -> None:
    shutil.rmtree(home / "artifacts" / LAYOUT_FOLDER)
    code, said = ended(home, RUNBOOK_HUB=hub.url, RUNBOOK_OFFLINE="true")
    assert code == 1
    require_clear(said, LAYOUT)


def test_with_a_hub_that_denies_the_model(home: Path, hub: PracticeHub) -> None:
    shutil.rmtree(home / "artifacts" / LAYOUT_FOLDER)
    hub.play(Fault("403", f"*{LAYOUT}*"))
    try:
        code, said = ended(home, RUNBOOK_HUB=hub.url)
    finally:
        hub.play()
    assert code == 1
    require_clear(said, LAYOUT, "403")


def test_with_a_hub_that_does_not_answer_it_may_be_tried_again(home: Path) -> None:
    shutil.rmtree(home / "artifacts" / LAYOUT_FOLDER)
    code, said = ended(home, RUNBOOK_HUB="http://127.0.0.1:9")
    assert code == 75
    require_clear(said)


@pytest.mark.parametrize("pattern", [f"{LAYOUT_FOLDER}/*.safetensors", "RapidOcr/**/*.onnx"])
def test_with_one_flipped_bit_whatever_the_time_of_the_file_says(home: Path, hub: PracticeHub, pattern: str) -> None:
    path = min((home / "artifacts").glob(pattern))
    facts, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    code, said = ended(home, RUNBOOK_HUB=hub.url)
    assert code == 1
    require_clear(said, path.name, "is damaged")


def test_with_a_folder_that_may_not_be_read(home: Path, hub: PracticeHub) -> None:
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:  # who may read everything has to give that up
        if which("setpriv") is None:
            pytest.skip("setpriv of util-linux is not installed")
        before = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    folder = home / "artifacts" / LAYOUT_FOLDER
    folder.chmod(0)
    try:
        code, said = ended(home, before, RUNBOOK_HUB=hub.url)
    finally:
        folder.chmod(0o755)
    assert code == 74
    require_clear(said, LAYOUT_FOLDER, "errno 13")


def test_told_to_stop_while_it_waits_for_models_it_stops_at_once(home: Path, hub: PracticeHub) -> None:
    shutil.rmtree(home / "artifacts" / LAYOUT_FOLDER)
    lock = download_lock(home / "hub")
    lock.parent.mkdir(parents=True)
    with FileLock(lock):
        process = start(home, {"RUNBOOK_HUB": hub.url})
        ends_at = time.monotonic() + _LIMIT_S
        while "waiting for another process" not in log_of(home).read_text(encoding="utf-8"):
            assert time.monotonic() < ends_at
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
