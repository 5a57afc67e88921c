"""Fixtures for everything that works on a cache on disk, asks workers of the test's own, or judges a machine."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.pipeline.answer import AnsweredBy
from runbook_lib.pipeline.wanted import Wanted, WantedRepository
from runbook_lib.run.interpreter import InterpreterFacts
from runbook_lib.stages.detect import DetectFacts
from runbook_lib.system.filesystem import FolderFacts, LinkProbe, probe_symlink
from runbook_lib.system.machine import MachineFacts
from runbook_lib.system.network import NetworkFacts, NetworkStep
from runbook_lib.workers import host as worker
from tests.unit.cache_layouts import CacheLayout

WORKS = LinkProbe(works=True, evidence="made and read back")
REFUSED = LinkProbe(works=False, evidence="WinError 1314: A required privilege is not held by the client")
WANTED = Wanted(
    repositories=(
        WantedRepository(repo_id="docling-project/docling-models", revision="v2.3.0", stage="TableStructureModel"),
    )
)
"""What docling would have answered; OCR is off."""

MakeFolder = Callable[..., FolderFacts]
MakeInterpreter = Callable[..., InterpreterFacts]
MakeFacts = Callable[..., DetectFacts]


_STARTING_PROCESSES = (
    *(
        "bundle",
        "cli",
        "course",
        "desired",
        "headless",
        "interactive",
        "practice",
        "stages/verify",
        "upkeep",
        "workers",
    ),
    *("audit/test_robustness.py", "cache/test_hashing.py", "checks/test_explain.py"),
    "quirks/test_bounds.py",
    *("quirks/test_clothes.py", "quirks/test_real_failures.py", "stages/test_documents.py"),
    *("stages/test_end_to_end.py", "stages/test_practice.py", "system/test_loopback.py"),
    *("system/test_network.py", "test_imports.py", "test_service.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-fast` leaves out: files whose tests start clients, kernels and hubs, or read megabytes."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.path.relative_to(here).as_posix().startswith(_STARTING_PROCESSES):
            item.add_marker(pytest.mark.client)


@pytest.fixture
def own_workers(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands in for that of the workers: the real entry point, and what the test puts beside it."""
    folder = tmp_path_factory.mktemp("workers")
    for name in ("__main__.py", "transient.py"):
        shutil.copy(worker.WORKERS / name, folder)
    monkeypatch.setattr(worker, "WORKERS", folder)
    return folder


@pytest.fixture(params=["symlink", "hardlink", "copy"])
def layout(request: pytest.FixtureRequest, tmp_path: Path) -> CacheLayout:
    """A cache of its own for each way of sharing content; runs the test once for each."""
    if request.param == "symlink" and not probe_symlink(tmp_path).works:
        pytest.skip("no symlinks here")
    return CacheLayout(request.param, tmp_path / "hub")


@pytest.fixture
def unshared(tmp_path: Path) -> CacheLayout:
    """A cache as bare huggingface_hub leaves it without symlinks."""
    return CacheLayout("copy", tmp_path / "hub")


@pytest.fixture
def folder() -> MakeFolder:
    """Make the facts of a folder where everything works, but for what the test changes."""

    def make(role: str = "cache", **changes: Any) -> FolderFacts:
        path = Path("/data") / role
        good = {"filesystem": "ext4", "free_bytes": 10**12, "writable": True, "write_evidence": "written"}
        links = {"symlink": WORKS, "hardlink": WORKS}
        return FolderFacts(**{"role": role, "path": path, "probed": path, **good, **links, **changes})

    return make


@pytest.fixture
def interpreter() -> MakeInterpreter:
    """Make the facts of an interpreter with a version of huggingface_hub."""

    def make(hub: str | None = "1.33.0", **changes: Any) -> InterpreterFacts:
        packages = {"docling": "2.143.0", "huggingface_hub": hub, "torch": "2.9.0"}
        place = {"executable": "/venv/bin/python", "version": "3.11.9", "prefix": "/venv"}
        return InterpreterFacts(**{**place, "packages": packages, "hub_constants": {}, **changes})

    return make


@pytest.fixture
def detect_facts(folder: MakeFolder, interpreter: MakeInterpreter) -> MakeFacts:
    """Make the facts of a machine that is in order, but for what the test changes."""
    machine = MachineFacts(
        system="Linux",
        release="6.1",
        architecture="x86_64",
        python="3.11.9",
        executable="/venv/bin/python",
        cpu_count=2,
        container="",
        ci="",
        wsl=False,
        wine=False,
        text_encoding="UTF-8",
    )

    def make(**changes: Any) -> DetectFacts:
        good = {
            "machine": machine,
            "interpreter": interpreter(),
            "folders": tuple(folder(role) for role in ("cache", "artifacts", "run")),
            "variables": {},
            "network": network_facts(),
            "wanted": WANTED,
            "answered_by": AnsweredBy.ASKED,
            "models_problem": "",
            "models_cached": False,
        }
        return DetectFacts(**{**good, **changes})

    return make


def network_facts(failing: str = "", evidence: str = "no answer within 5 s") -> NetworkFacts:
    """Make the facts of a way to the Hub that ends at a step, or leads there."""
    steps = []
    for name in ("name", "tcp", "tls", "api"):
        ok = name != failing
        steps.append(NetworkStep(name=name, ok=ok, evidence="HTTP 200, JSON" if ok else evidence, elapsed_s=0.1))
        if not ok:
            break
    return NetworkFacts(endpoint="https://huggingface.co", proxy="", steps=tuple(steps))


@pytest.fixture
def network() -> Callable[..., NetworkFacts]:
    """Make the facts of a way to the Hub."""
    return network_facts


@pytest.fixture
def refused_link() -> LinkProbe:
    """What a machine without the privilege answers."""
    return REFUSED
