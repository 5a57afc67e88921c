"""A bundle of a cache that the unmodified client filled."""

from pathlib import Path

import pytest

from runbook_lib.bundle.export import export_bundle
from tests.unit.stages.verify.real_caches import Installed


@pytest.fixture
def folder(installed: Installed, tmp_path: Path) -> Path:
    """A bundle in a folder."""
    export_bundle(installed.run, tmp_path / "bundle")
    return tmp_path / "bundle"
