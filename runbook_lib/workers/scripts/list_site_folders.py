"""Tells where an interpreter looks for packages; imports nothing but the standard library."""

from __future__ import annotations

import platform
import sys
from typing import Any, Callable


def run(_request: dict[str, Any], _emit: Callable[..., None]) -> dict[str, Any]:
    """Return the interpreter, its prefix and its search path without the folder of the workers."""
    return {
        "executable": sys.executable,
        "version": platform.python_version(),
        "prefix": sys.prefix,
        "folders": [folder for folder in sys.path[1:] if folder],
    }
