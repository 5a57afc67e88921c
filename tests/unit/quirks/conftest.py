"""Fixtures of the quirk tests."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parent / "fixtures"

RunPython = Callable[..., bytes]


@pytest.fixture(scope="session")
def fixtures_dir() -> Path:
    return FIXTURES


@pytest.fixture
def run_python(tmp_path: Path) -> RunPython:
    """Return `run(code, variables=..., limit_s=...)`, which is `run_fresh_python` in the test's folder."""
    return partial(run_fresh_python, folder=tmp_path)


def run_fresh_python(
    code: str, folder: Path, *, variables: Mapping[str, str] | None = None, limit_s: float = 120
) -> bytes:
    """Run code in a fresh interpreter with a cache of its own; return what it printed, both streams."""
    inherited = {name: value for name, value in os.environ.items() if not _is_ours(name)}
    environment = inherited | {"HF_HOME": str(folder / "hf"), "DOCLING_CACHE_DIR": str(folder / "docling")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | dict(variables or {}),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=limit_s,
        check=False,
    )
    return done.stdout


def _is_ours(name: str) -> bool:
    return name.startswith(("HF_", "DOCLING_", "RUNBOOK_")) or name.upper().endswith("_PROXY")
