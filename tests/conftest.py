"""Isolation for every test: no variable of this machine steers it, and none that it sets outlives it."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.system import variables
from tests.forked_workers import ForkServer, forked_workers

pytest_plugins = (
    "tests.unit.stages.verify.real_caches",
    "tests.unit.bundle.bundles",
    "tests.unit.schedules.hostile",
    "tests.unit.history.run_folders",
    "tests.command_line",
    "tests.unit.headless.written_notebooks",
    "tests.unit.headless.started_runs",
)
"""Caches of the unmodified client, made once a session, bundles of them, a hostile schedule, folders of runs, the
command line, and runs of notebooks that a test writes."""

_STEERING = re.compile(
    r"(RUNBOOK|HF|HUGGING_?FACE|TRANSFORMERS|DOCLING)_\w+|XDG_CACHE_HOME|(HTTPS?|ALL|NO)_PROXY"
    r"|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE",
    re.IGNORECASE,
)
_KEPT = frozenset({"HF_HUB_DISABLE_SYMLINKS_WARNING"})
"""Steers nothing; the Windows lane sets it."""

_ID_BYTES = 40

_ABOUT_WORKERS = ("tests/unit/workers/", "tests/faults/test_leaks.py")
"""What begins the ids of tests that are about how workers start and end."""


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name long contents by their length: workers that run side by side must find the same ids."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > _ID_BYTES else None


@pytest.fixture(autouse=True)
def _clean_environment() -> Iterator[None]:
    before = dict(os.environ)
    for name in before:
        if _STEERING.fullmatch(name) and name not in _KEPT:
            del os.environ[name]
    os.environ["NO_PROXY"] = "127.0.0.1,localhost,::1"
    os.environ["OMP_NUM_THREADS"] = "1"  # tests run side by side; torch's threads would wait for each other, spinning
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _hub_counts_as_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the real client that other tests of this process imported: it would be too late for every environment."""
    monkeypatch.delitem(sys.modules, "huggingface_hub.constants", raising=False)


@pytest.fixture(autouse=True)
def _no_variable_counts_as_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what other tests of this process applied: their variables are gone."""
    monkeypatch.setattr(variables, "_applied", {})
    monkeypatch.setattr(variables, "_put_back", set())


@pytest.fixture(scope="session")
def _fork_server() -> Iterator[ForkServer]:
    with ForkServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _workers_are_forked(request: pytest.FixtureRequest, _fork_server: ForkServer) -> Iterator[None]:
    """Start workers in a tenth of a second, wherever their start is not what is tested."""
    if request.node.nodeid.startswith(_ABOUT_WORKERS):
        yield
        return
    with forked_workers(_fork_server):
        yield


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in the test's own folder, so that runs/ and runbook.toml are looked for there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
