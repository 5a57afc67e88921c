"""Tells what an interpreter has installed and what its huggingface_hub makes of the environment."""

from __future__ import annotations

import importlib.util
import platform
import sys
from importlib import metadata
from pathlib import Path
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
    """Return the installed version of a distribution, from its metadata; nothing is imported.

    `docling` stands for the package, whichever distribution brings it: docling-slim alone is what services install, and
    a distribution `docling` without docling-slim holds nothing (2.143).
    """
    if name != "docling":
        return distribution_version(name)
    if not holds_docling():
        return None
    return distribution_version("docling-slim") or distribution_version("docling") or "unknown"


def holds_docling() -> bool:
    """Whether the package can be found; a folder of that name with nothing in it is none."""
    spec = importlib.util.find_spec("docling")
    places = spec.submodule_search_locations if spec is not None else None
    return any(Path(place, "document_converter.py").is_file() for place in places or ())


def distribution_version(name: str) -> str | None:
    """Return the version of a distribution; None when it is not installed."""
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
