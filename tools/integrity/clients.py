"""Interpreters with a huggingface_hub of their own and nothing of ours, made once on this machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
from filelock import FileLock

VERSIONS = ("0.36.2", "1.18.0", "1.26.0", "1.33.0", "2.0.0", "2.4.0")
"""The matrix: the last of 0.x, one of each way of keeping partial files and listings, and both majors of today."""

_ENVIRON = dict(os.environ)
"""The machine's own, as this file is loaded; a test has none of its certificates, which an installer needs."""


def client_python(version: str, *extra: str) -> Path:
    """Return an interpreter with that huggingface_hub; makes it, from the package index, at the first call.

    Raises `RuntimeError` when it cannot be made, with what the installer said.
    """
    homes = platformdirs.user_cache_path("docling-runbook") / "hub-versions"
    home = homes / "-".join(
        (sys.implementation.cache_tag or "python", version, *(name.split("=")[0] for name in extra))
    )
    python = home / "bin" / "python"
    homes.mkdir(parents=True, exist_ok=True)
    with FileLock(homes / f"{home.name}.lock"):
        if not (home / "complete").exists():
            run_installer("venv", "--clear", "--python", sys.executable, str(home))
            run_installer("pip", "install", "--python", str(python), f"huggingface_hub=={version}", *extra)
            (home / "complete").touch()
    return python


def run_installer(*words: str) -> None:
    """Run uv; raises `RuntimeError` with what it said, also when it is not there."""
    uv = shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    if uv is None:
        raise RuntimeError("uv, which makes the environments, is neither beside this Python nor on PATH")
    done = subprocess.run([uv, *words], capture_output=True, text=True, check=False, env=_ENVIRON)
    if done.returncode:
        raise RuntimeError(done.stderr)
