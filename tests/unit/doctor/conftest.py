"""Fixtures of the doctor tests: settings whose every place is below the test's own folder."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.run.settings import Settings

MakeSettings = Callable[..., Settings]
COMMIT = "a" * 40


@pytest.fixture
def settings(in_tmp_path: Path) -> MakeSettings:
    """Make settings for an empty cache, offline unless told otherwise."""

    def make(**given: Any) -> Settings:
        places = {"cache_dir": str(in_tmp_path / "hub"), "artifacts_dir": str(in_tmp_path / "artifacts")}
        return Settings(**{**places, "offline": True, "models": "org/name", **given})

    return make


@pytest.fixture
def leftover(in_tmp_path: Path) -> Path:
    """Leave the partial file of a download that was interrupted two hours ago."""
    path = in_tmp_path / "hub" / "models--org--name" / "blobs" / "0123.89abcdef.incomplete"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(2_000_000))
    os.utime(path, (time.time() - 7200,) * 2)
    return path


@pytest.fixture
def dangling(in_tmp_path: Path) -> Path:
    """Leave a link in a snapshot whose blob was not copied along."""
    if sys.platform == "win32":
        pytest.skip("symlinks need a privilege there")
    link = in_tmp_path / "hub" / "models--org--name" / "snapshots" / COMMIT / "model.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../blobs/4567")
    return link
