"""Where this program keeps what it makes for itself: practice models and drills, nobody's real models."""

from pathlib import Path

import platformdirs


def own_cache_dir() -> Path:
    """Return the folder, which need not exist: `XDG_CACHE_HOME`, `LOCALAPPDATA` or the like, and our name."""
    return platformdirs.user_cache_path("docling-runbook")
