"""Fixtures for what has effects."""

import shutil

import pytest

from runbook_lib.adapters import worker
from tests.unit.adapters.worker_verbs import VERBS


@pytest.fixture
def own_verbs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the real entry point of the workers beside verbs of our own."""
    folder = tmp_path_factory.mktemp("workers")
    shutil.copy(worker.WORKERS / "__main__.py", folder)
    for name, code in VERBS.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(worker, "WORKERS", folder)
