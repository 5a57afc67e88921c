"""Where servers of the tests listen: ports for programs that cannot choose one, and those that JupyterLab chose."""

import contextlib
import random
import re
import socket
import subprocess
import time
from pathlib import Path

_BELOW_EPHEMERAL = range(20_000, 32_000)
"""Linux takes 32768 and up for outgoing connections, other systems 49152 and up: what is free there may not stay so."""


def port_to_give() -> int:
    """Return a port that is free, for a program that is told where to listen and starts some time later."""
    while True:
        port = random.choice(_BELOW_EPHEMERAL)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def address_of_lab(
    log: Path, server: "subprocess.Popen[bytes] | subprocess.Popen[str]", limit_s: float
) -> tuple[str, str]:
    """Wait until JupyterLab listens where its log says; returns address and token.

    jupyter_server 2.21 writes that it "is running at" an address before it binds the port.
    """
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline and server.poll() is None:
        found = re.search(r"(http://127\.0\.0\.1:(\d+))/lab\S*[?&]token=(\w+)", log.read_text(encoding="utf-8"))
        if found and _accepts(int(found[2])):
            return found[1], found[3]
        time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')}")


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False
