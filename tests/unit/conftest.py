"""Fixtures for everything that works on a cache on disk."""

from pathlib import Path

import pytest

from runbook_lib.adapters.filesystem import probe_symlink
from tests.unit.cache_layouts import CacheLayout


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
