"""Debian's registry on loopback, plain or with TLS and a password, and a line to it that breaks."""

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from tests.loopback_ports import port_to_give

PROGRAMS = ("skopeo", "docker-registry", "openssl")
needs_registry = pytest.mark.skipif(
    any(which(name) is None for name in PROGRAMS), reason="apt-get install skopeo docker-registry openssl"
)
USER, PASSWORD = "operator", "open sesame"
_HTPASSWD = f"{USER}:$2b$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n"
"""bcrypt of the password."""


def skopeo(*words: str) -> str:
    done = subprocess.run(["skopeo", *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def push(source: str, address: str, *, password: bool = False) -> None:
    """Push a whole bundle, and require that skopeo need not change a byte of any manifest."""
    login = [f"--dest-creds={USER}:{PASSWORD}"] if password else []
    words = ["copy", "--quiet", "--all", "--preserve-digests", "--dest-tls-verify=false", *login]
    skopeo(*words, source, f"docker://{address}")


@contextmanager
def serving(folder: Path, *, certificate: Path | None = None) -> Iterator[str]:
    """Run a registry; yields host and port. With a certificate it wants TLS and the password."""
    port = port_to_give()
    http: dict[str, Any] = {"addr": f"127.0.0.1:{port}"}
    config: dict[str, Any] = {"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(folder)}}, "http": http}
    path = folder.with_suffix(".json")
    if certificate is not None:
        http["tls"] = {"certificate": str(certificate), "key": str(certificate.with_suffix(".key"))}
        passwords = folder.with_suffix(".htpasswd")
        passwords.write_text(_HTPASSWD, encoding="utf-8")
        config["auth"] = {"htpasswd": {"realm": "models", "path": str(passwords)}}
    path.write_text(json.dumps(config), encoding="utf-8")  # YAML takes it
    served = subprocess.Popen(["docker-registry", "serve", str(path)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        served.terminate()
        served.wait(10)


@dataclass
class BreakingLine:
    """Passes bytes on to an address, and hangs up once a connection has brought more than its budget."""

    to_port: int
    budget_bytes: int
    broken: int = 0
    breaks_left: int = 10**6
    port: int = 0
    _listening: socket.socket = field(init=False, repr=False)

    def __enter__(self) -> "BreakingLine":
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.to_port))
            threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_limited: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(16_384):
                passed += len(piece)
                if is_limited and passed > self.budget_bytes and self.breaks_left > 0:
                    self.broken += 1
                    self.breaks_left -= 1
                    break
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
