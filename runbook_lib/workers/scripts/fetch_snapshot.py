"""Downloads one snapshot with the unmodified huggingface_hub of this interpreter, and reports progress.

Works with huggingface_hub 0.25 to 2.x.
"""

from __future__ import annotations

import os
import stat
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable


def run(request: dict[str, Any], emit: Callable[..., None]) -> dict[str, Any]:
    """Fetch `repo_id` at `revision` into the cache of the environment; returns the snapshot folder."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # stderr is kept for what went wrong
    from arrivals import told  # type: ignore[import-not-found]  # a module of this folder
    from huggingface_hub import constants, snapshot_download

    storage = Path(constants.HF_HUB_CACHE) / ("models--" + request["repo_id"].replace("/", "--"))
    storage.mkdir(parents=True, exist_ok=True)
    settle_symlink_probe(storage, wanted=request["symlinks"])
    with told(emit, lambda: size_on_disk(storage)):
        folder = snapshot_download(request["repo_id"], revision=request["revision"], max_workers=request["connections"])
    return {"folder": str(Path(folder))}


def settle_symlink_probe(storage: Path, *, wanted: bool) -> None:
    """Answer the question of symlink support on one thread, before the download's threads ask it.

    Up to huggingface_hub 1.32.0 the other threads trust a "supported" that is published before the probe has ended,
    and die of WinError 1314 (quirk Q01, issue 4915). Up to 1.8 no variable switches symlinks off, so that the function
    itself is told the answer when they are not wanted.
    """
    from huggingface_hub import constants, file_download

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the "degraded" warning; stage detect has said it better
        if not wanted and not hasattr(constants, "HF_HUB_DISABLE_SYMLINKS"):
            file_download.are_symlinks_supported = no_symlinks
        with suppress(OSError):  # a complete cache that may only be read needs no links
            file_download.are_symlinks_supported(str(storage))


def no_symlinks(cache_dir: str | Path | None = None) -> bool:  # noqa: ARG001 - the signature it stands in for
    """Stand in for `are_symlinks_supported` where no variable can switch symlinks off."""
    return False


def size_on_disk(storage: Path) -> int:
    """Sum the files of a folder, finished or not, each inode once; one that vanishes meanwhile counts nothing."""
    seen: dict[tuple[int, int], int] = {}
    for folder, _, names in os.walk(storage):
        for name in names:
            with suppress(OSError):
                facts = Path(folder, name).lstat()
                if not stat.S_ISLNK(facts.st_mode):
                    seen[facts.st_dev, facts.st_ino] = facts.st_size
    return sum(seen.values())
