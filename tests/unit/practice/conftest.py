"""Fixtures for the practice hub: a hub of its own for each test, and the commands of this environment."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_lib.practice.server import PracticeHub

LAYOUT = "docling-project/docling-layout-heron"
TABLES = "docling-project/docling-models"

RunCommand = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hub() -> Iterator[PracticeHub]:
    with PracticeHub() as running:
        yield running


@pytest.fixture
def command(hub: PracticeHub, tmp_path: Path) -> RunCommand:
    """Run a command of this environment with the practice hub as its Hub and an empty cache."""
    scripts = sysconfig.get_path("scripts")
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf-home"),
        "NO_PROXY": "127.0.0.1",
        "PYTHONUTF8": "1",
    }
    environment.pop("HF_HUB_OFFLINE", None)

    def run(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        program = sys.executable if name == "python" else shutil.which(name, path=scripts)
        if program is None:
            pytest.skip(f"{name} is not installed here")
        return subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            env={**environment, **variables},
            check=False,
        )

    return run
