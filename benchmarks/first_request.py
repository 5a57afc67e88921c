"""The first request to a service that has just started, against its tenth: what the start did not load shows here."""

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from benchmarks.measure import Comparison
from runbook_lib.practice.sample import sample_document
from runbook_lib.practice.server import PracticeHub

_EXAMPLE = Path(__file__).parents[1] / "examples" / "service"
_REQUESTS = 10
LIMIT = 1.2


def first_request(folder: Path, rounds: int) -> Iterator[Comparison]:
    """Start the example service anew for each round, and time ten uploads of one document (limit 1.2)."""
    folder.mkdir(parents=True)
    with PracticeHub() as hub:
        seconds = [_requests(folder, hub.url) for _ in range(rounds)]
    yield Comparison(
        name="first request to examples/service / its tenth",
        ours_s=statistics.median(first for first, _ in seconds),
        theirs_s=statistics.median(tenth for _, tenth in seconds),
        ratio=statistics.median(first / tenth for first, tenth in seconds),
        limit=LIMIT,
        allowance_s=0.0,
        ours_memory_bytes=0,
        theirs_memory_bytes=0,
        rounds=rounds,
        memory_ratio=1.0,
        memory_limit=None,
        cpu_ratio=1.0,
    )


def _requests(folder: Path, hub: str) -> tuple[float, float]:
    """Return the seconds of the first and of the last of the requests, by the clock."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {"RUNBOOK_CACHE_DIR": str(folder / "hub"), "RUNBOOK_ARTIFACTS_DIR": str(folder / "artifacts")}
    environ = {**os.environ, **places, "RUNBOOK_HUB": hub, "SERVICE_PORT": str(port)}
    with (
        (folder / "service.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "docling_service"], cwd=_EXAMPLE, env=environ, stdout=log, stderr=log
        ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300, trust_env=False) as client,
    ):
        try:
            _wait(client, process)
            elapsed_s = [_upload(client) for _ in range(_REQUESTS)]
        finally:
            process.terminate()
    return elapsed_s[0], elapsed_s[-1]


def _wait(client: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            client.get("/readyz").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"examples/service ended with {process.returncode}")


def _upload(client: httpx.Client) -> float:
    document = sample_document()
    started = time.perf_counter()
    client.post("/documents/upload", files={"document": (document.name, document.read_bytes())}).raise_for_status()
    return time.perf_counter() - started
