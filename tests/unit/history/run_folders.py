"""Run folders as runs leave them, made by hand and by the product's own writers."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.run.check import Check, Status
from runbook_lib.run.folder import Run, RunState
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.run.settings import Settings

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MakeRun = Callable[..., Run]

FACTS: dict[str, dict[str, Any]] = {
    "detect": {
        "machine": {"system": "Linux", "release": "6.1"},
        "interpreter": {"version": "3.11.7", "packages": {"docling": "2.143.0", "easyocr": None}},
        "variables": {"HF_HOME": "/models", "HF_ENDPOINT": "http://127.0.0.1:1"},
    },
    "configure_env": {
        "variables": [
            {"name": "HF_HUB_CACHE", "value": "/cache", "in_files": True},
            {"name": "HF_ENDPOINT", "value": "http://127.0.0.1:2", "in_files": False},
        ]
    },
    "download": {
        "models": [
            {
                "model": {"repo_id": "a/b", "revision": "main"},
                "listing": {"commit": "c" * 40},
                "fetched_bytes": 1_000_000,
            }
        ]
    },
    "measure_disk": {"cache_bytes": 5, "artifacts_bytes": 6, "shared_bytes": 4, "free_bytes": 100},
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def make_run(home: Path) -> MakeRun:
    """Make a run of so many days ago; `facts` replaces those of a stage, `statuses` the answer of its check."""

    def make(
        days_ago: float = 0.0,
        *,
        state: RunState = RunState.FINISHED,
        problem: str = "",
        facts: dict[str, dict[str, Any]] | None = None,
        **statuses: str,
    ) -> Run:
        began_at = NOON - timedelta(days=days_ago)
        run = Run.create(home / f"{began_at:%Y%m%dT%H%M%S.%f}Z-host", Settings().model_dump(mode="json"), {})
        for stage, found in {**FACTS, "convert": {}, **(facts or {})}.items():
            check = Check(
                id="converted" if stage == "convert" else "c",
                title=f"{stage} holds",
                status=Status(statuses.get(stage, "ok")),
                evidence="seen",
            )
            run.save(
                StageRecord[RawFacts](
                    stage=stage, started_at=began_at, elapsed_s=2.0, facts=RawFacts(**found), checks=(check,)
                )
            )
        run.update(state=state, problem=problem)
        rewrite(run, created_at=began_at.isoformat(), host="host")
        return run

    return make


def rewrite(run: Run, **fields: Any) -> None:
    """Change fields of `run.json` as another version, or another time, would have written them."""
    path = run.folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **fields}), encoding="utf-8")
