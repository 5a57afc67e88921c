"""A real docling-serve on this machine, and what it answers."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.loopback_ports import port_to_give

START_LIMIT_S = 300.0
"""It imports docling and torch before it listens: a minute on a busy machine."""
_REQUEST_LIMIT_S = 150.0


@dataclass
class RunningServe:
    """A docling-serve that answers, or one that has ended."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    refused: set[str] = field(default_factory=set)
    """What was seen at /ready before it answered."""

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=_REQUEST_LIMIT_S, trust_env=False)

    def convert(self, document: Path, **options: str) -> httpx.Response:
        files = {"files": (document.name, document.read_bytes(), "application/pdf")}
        data = {"to_formats": "md", **options}
        return httpx.post(
            f"{self.url}/v1/convert/file", files=files, data=data, timeout=_REQUEST_LIMIT_S, trust_env=False
        )

    def markdown(self, document: Path) -> str:
        answer = self.convert(document)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        assert content["status"] == "success"
        return str(content["document"]["md_content"])

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def started(python: Path, home: Path, variables: Mapping[str, str]) -> Iterator[RunningServe]:
    """Start it offline in a home of its own, and wait until it is ready or has ended."""
    home.mkdir(parents=True, exist_ok=True)
    port = port_to_give()
    environ = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(home),
        "HOME": str(home),
        "DOCLING_CACHE_DIR": str(home / "docling"),
        "OMP_NUM_THREADS": "2",
        **variables,
    }
    command = [str(python), "-m", "docling_serve", "run", "--host", "127.0.0.1", "--port", str(port)]
    log = home / "serve.log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, cwd=home, env=environ, stdout=written, stderr=subprocess.STDOUT)
        try:
            yield _waited_for(RunningServe(f"http://127.0.0.1:{port}", process, log))
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _waited_for(serve: RunningServe) -> RunningServe:
    ends_at = time.monotonic() + START_LIMIT_S
    while time.monotonic() < ends_at and serve.process.poll() is None:
        try:
            answer = httpx.get(f"{serve.url}/ready", timeout=5, trust_env=False)
        except httpx.TransportError as error:
            serve.refused.add(type(error).__name__)
        else:
            if answer.status_code == 200:
                return serve
            serve.refused.add(str(answer.status_code))
        time.sleep(0.2)
    assert serve.process.poll() is not None, (
        f"neither ready nor ended after {START_LIMIT_S:g} s: {serve.said()[-2000:]}"
    )
    return serve
