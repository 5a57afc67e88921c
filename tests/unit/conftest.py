"""Fixtures for everything that works on a cache on disk, or asks workers of the test's own."""

import shutil
from pathlib import Path

import pytest

from runbook_lib.system.filesystem import probe_symlink
from runbook_lib.workers import host as worker
from tests.unit.cache_layouts import CacheLayout


@pytest.fixture
def own_workers(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands in for that of the workers: the real entry point, and what the test puts beside it."""
    folder = tmp_path_factory.mktemp("workers")
    shutil.copy(worker.WORKERS / "__main__.py", folder)
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
