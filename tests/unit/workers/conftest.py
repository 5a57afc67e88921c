"""Fixtures for what has effects."""

from pathlib import Path

import pytest

from tests.unit.workers.worker_verbs import VERBS


@pytest.fixture
def own_verbs(own_workers: Path) -> None:
    """Put verbs of our own beside the real entry point of the workers."""
    for name, code in VERBS.items():
        (own_workers / f"{name}.py").write_text(code, encoding="utf-8")
