"""Weights that a container's image holds: sharing them with the artifacts folder takes room all the same."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from runbook_lib.cache.layout import CachedRepo, Listing
from runbook_lib.system.filesystem import free_bytes
from runbook_lib.system.layers import Layers

T = TypeVar("T")


def copied_up_by_placing(repo: CachedRepo, listing: Listing, folder: Path) -> int:
    """Return what placing a model takes of the upper layer at the most: a link copies a lower file up first."""
    layers = Layers(repo.cache_dir)
    if not layers.exist:
        return 0
    snapshot = repo.snapshot(listing.commit)
    absent = (file for file in listing.files if file.sha256 and not (folder / file.path).exists())
    return sum(file.size_bytes for file in absent if _in_image(layers, snapshot / file.path))


def growth_of(place: Callable[[], T], folder: Path, expected_bytes: int) -> tuple[T, int]:
    """Place, and return beside the outcome what was copied up: as expected, or nothing where reflinks spare it."""
    before = free_bytes(folder)
    outcome = place()
    return outcome, expected_bytes if before - free_bytes(folder) > expected_bytes / 2 else 0


def _in_image(layers: Layers, path: Path) -> bool:
    return path.exists() and not layers.is_own(path.resolve())
