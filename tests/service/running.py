"""The example service as a process of its own, as `python -m docling_service` starts it."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

EXAMPLE = Path(__file__).parents[2] / "examples" / "service"
START_LIMIT_S = 400.0
"""It asks docling for its models, imports it, loads and converts: half a minute, and more on a busy machine."""
_REQUEST_LIMIT_S = 300.0
MAX_REQUEST_BYTES = 2_000_000
MAX_PAGES = 5


@dataclass
class RunningService:
    """A service that was started, and a client of it."""

    port: int
    process: subprocess.Popen[bytes]
    home: Path
    client: httpx.Client
    refused: set[str] = field(default_factory=set)
    """What was seen at /readyz before it answered."""

    def wait_until_ready(self) -> None:
        ends_at = time.monotonic() + START_LIMIT_S
        while time.monotonic() < ends_at and self.process.poll() is None:
            try:
                answer = self.client.get("/readyz")
            except httpx.TransportError as error:
                self.refused.add(type(error).__name__)
            else:
                assert answer.status_code == 200, answer.text
                return
            time.sleep(0.2)
        raise AssertionError(f"not ready, exit code {self.process.poll()}: {self.said()[-3000:]}")

    def upload(self, name: str, content: bytes) -> httpx.Response:
        return self.client.post("/documents/upload", files={"document": (name, content)})

    def markdown(self, path: Path) -> str:
        answer = self.upload(path.name, path.read_bytes())
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return str(content["markdown"])

    def said(self) -> str:
        return log_of(self.home).read_text(encoding="utf-8", errors="replace")

    def temporary_files(self) -> list[str]:
        return sorted(path.name for path in (self.home / "tmp").rglob("*"))


def log_of(home: Path) -> Path:
    return home / "service.log"


def start(home: Path, variables: Mapping[str, str], before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    """Start it with a home of its own; `before` stands before the command."""
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    environ = {
        **os.environ,
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "TMPDIR": str(home / "tmp"),
        "RUNBOOK_CACHE_DIR": str(home / "hub"),
        "RUNBOOK_ARTIFACTS_DIR": str(home / "artifacts"),
        "OMP_NUM_THREADS": "1",
        **variables,
    }
    with log_of(home).open("wb") as log:
        return subprocess.Popen(
            [*before, sys.executable, "-m", "docling_service"],
            cwd=EXAMPLE,
            env=environ,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
