"""Runs in a container of the example service: starts it, converts, and prints what it saw as one line of JSON."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from runbook_lib.practice.sample import sample_document, scanned_page

URL = "http://127.0.0.1:8000"


def cannot_write(folder: str) -> bool:
    try:
        (Path(folder) / "new").write_text("x", encoding="utf-8")
    except OSError:
        return True
    return False


def convert(path: Path) -> str:
    files = {"document": (path.name, path.read_bytes())}
    answer = httpx.post(f"{URL}/documents/upload", files=files, timeout=300, trust_env=False)
    return str(answer.json()["markdown"])


def wait_until_ready(process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            httpx.get(f"{URL}/readyz", trust_env=False).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    sys.exit(f"the service ended with {process.returncode}")


def main() -> None:
    unpermitted = subprocess.run([sys.executable, "-m", "docling_service"], check=False, capture_output=True, text=True)
    os.environ["RUNBOOK_HUB"] = "practice"  # without that word practice models are refused, see above
    started = time.monotonic()
    with subprocess.Popen([sys.executable, "-m", "docling_service"], stdout=sys.stderr) as process:
        wait_until_ready(process)
        seen = {
            "start_s": round(time.monotonic() - started, 1),
            "refused": [unpermitted.returncode, unpermitted.stderr],
            "user_id": os.getuid(),
            "networks": [name for _, name in socket.if_nameindex()],
            "read_only": [folder for folder in ("/", "/app", "/models", "/opt/service") if cannot_write(folder)],
            "texts": [convert(sample_document()), convert(scanned_page())],
        }
        process.terminate()
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
