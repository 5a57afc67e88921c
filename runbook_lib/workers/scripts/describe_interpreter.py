"""Tells what an interpreter has installed and what its huggingface_hub makes of the environment."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import Any, Callable

CONSTANTS = (
    "ENDPOINT",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_HUB_DISABLE_SYMLINKS",
    "HF_HUB_DISABLE_XET",
    "HF_HUB_DOWNLOAD_TIMEOUT",
    "HF_HUB_ETAG_TIMEOUT",
    "HF_HUB_OFFLINE",
)


def run(request: dict[str, Any], _emit: Callable[..., None]) -> dict[str, Any]:
    """Return interpreter, packages (those asked for; None when absent) and hub's constants."""
    packages = {name: version(name) for name in request["packages"]}
    constants, problem = hub_constants() if packages.get("huggingface_hub") else ({}, "")
    return {
        "executable": sys.executable,
        "version": platform.python_version(),
        "prefix": sys.prefix,
        "packages": packages,
        "hub_constants": constants,
        "hub_problem": problem,
    }


def version(name: str) -> str | None:
    """Return the installed version of a distribution, from its metadata; nothing is imported."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def hub_constants() -> tuple[dict[str, Any], str]:
    """Return the constants as hub froze them at import, None where this version knows none, and why it has none."""
    try:
        from huggingface_hub import constants
    except Exception as error:  # noqa: BLE001 - a variable it cannot read, or a damaged installation: told, not judged
        return {}, f"{type(error).__name__}: {error}"
    return {name: getattr(constants, name, None) for name in CONSTANTS}, ""
