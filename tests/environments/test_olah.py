"""`runbook mirror check` on olah, a caching mirror, in front of the practice hub."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from runbook_lib.checks.mirror.judge import MirrorReport, judge_mirror_facts
from runbook_lib.checks.mirror.look import look_at_mirror
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from tests.environments.conftest import PythonOf
from tests.loopback_ports import port_to_give

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("environments")]
MODEL = ModelRef("docling-project/docling-layout-heron")
_START_LIMIT_S = 120.0


@pytest.fixture
def hub() -> Iterator[PracticeHub]:
    with PracticeHub(head="first") as served:
        yield served


@pytest.fixture
def olah(hub: PracticeHub, python_of: PythonOf, tmp_path: Path) -> Iterator[str]:
    """Run olah in front of the hub; yields its address."""
    port = port_to_give()
    behind, own = hub.url.removeprefix("http://"), f"127.0.0.1:{port}"
    words = {
        "--host": "127.0.0.1",
        "--port": str(port),
        "--hf-scheme": "http",
        "--hf-netloc": behind,
        "--hf-lfs-netloc": behind,
        "--mirror-netloc": own,
        "--mirror-lfs-netloc": own,
        "--repos-path": str(tmp_path / "repos"),
        "--log-path": str(tmp_path / "logs"),
    }
    command = [str(python_of("olah").with_name("olah-cli")), *(word for pair in words.items() for word in pair)]
    with (tmp_path / "said").open("w") as said:
        served = subprocess.Popen(command, cwd=tmp_path, stdout=said, stderr=subprocess.STDOUT)
    try:
        _await(port, served)
        yield f"http://{own}"
    finally:
        served.terminate()
        served.wait(30)


def _await(port: int, served: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline and served.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    pytest.fail("olah did not start")


def looked(url: str, upstream: str) -> MirrorReport:
    return judge_mirror_facts(look_at_mirror(url, MODEL, 30.0, upstream))


def test_it_answers_as_the_client_needs_until_a_branch_moves(hub: PracticeHub, olah: str) -> None:
    """olah remembers for ten minutes what a branch stands for, in its API alone: files come from where it leads now."""
    assert {check.status for check in looked(olah, hub.url).checks} == {Status.OK}
    hub.move_head("second")
    bad = {check.id: check for check in looked(olah, hub.url).checks if check.needs_hand}
    assert {name: check.status for name, check in bad.items()} == {
        "mirror-metadata": Status.WARN,
        "mirror-age": Status.WARN,
    }
    assert "remembers the one longer than the other" in bad["mirror-metadata"].evidence
    assert "Pin the commit" in bad["mirror-age"].remedy
