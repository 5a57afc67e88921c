"""One service on the practice hub's models, which it fetches itself, for all tests of it."""

import shutil
from collections.abc import Iterator

import httpx
import pytest

from runbook_lib.practice.server import PracticeHub
from tests.loopback_ports import port_to_give
from tests.service.running import MAX_PAGES, MAX_REQUEST_BYTES, RunningService, start

MAX_UPLOADS = 40
AS_FETCHED = "artifacts-as-fetched"
"""Beside the artifacts folder of the service, which a test gives new models."""


@pytest.fixture(scope="session")
def hub() -> Iterator[PracticeHub]:
    with PracticeHub(head="first") as running:
        yield running


@pytest.fixture(scope="session")
def service(hub: PracticeHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    home = tmp_path_factory.mktemp("service")
    port = port_to_give()
    variables = {
        "RUNBOOK_HUB": hub.url,
        "SERVICE_PORT": str(port),
        "SERVICE_MAX_UPLOADS": str(MAX_UPLOADS),
        "SERVICE_MAX_REQUEST_BYTES": str(MAX_REQUEST_BYTES),
        "SERVICE_MAX_PAGES": str(MAX_PAGES),
        "SERVICE_WAIT_LIMIT_S": "240",
    }
    process = start(home, variables)
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300, trust_env=False, limits=limits) as client:
        running = RunningService(port, process, home, client)
        try:
            running.wait_until_ready()
            shutil.copytree(home / "artifacts", home / AS_FETCHED)
            yield running
        finally:
            process.kill()
            process.wait()
