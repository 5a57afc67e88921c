"""Practice models found by their content, in whatever folder they stand: the names they bear are those of real ones."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.cache.layout import Listing, cached_repos
from runbook_lib.cache.walk import folders_in, walk
from runbook_lib.core.practice_mark import FILE_NAME, METADATA_KEY, README_SIGN

_README_BYTES = 2_000
_HEAD_BYTES = 4_096
"""safetensors' header opens with its metadata; a practice configuration with the mark."""
_TAIL_BYTES = 512
"""The metadata of a practice ONNX model stand at its end."""
_README = "README.md"
_WEIGHTS = frozenset({".safetensors", ".onnx", ".bin", ".pt", ".pth"})
QUARANTINE: Final = ".runbook-quarantine"
"""Where what is moved aside stands, in the folder it came from."""


@dataclass(frozen=True)
class PracticeModel:
    """A folder that holds a practice model, and what shows it."""

    folder: Path
    """A snapshot, or a model folder of docling's artifacts."""
    sign: str


def is_practice_listing(listing: Listing) -> bool:
    """Whether the Hub, a mirror or a cache lists a practice repository."""
    return any(file.path == FILE_NAME for file in listing.files)


def practice_models(cache_dir: Path | None, artifacts_dir: Path) -> tuple[PracticeModel, ...]:
    """Return the practice models of both folders, snapshot by snapshot; reads the heads of files, never whole ones."""
    snapshots = (folder for repo in cached_repos(cache_dir) for folder in repo.snapshots()) if cache_dir else ()
    folders = (*snapshots, *_model_folders(artifacts_dir))
    return tuple(PracticeModel(folder, sign) for folder in folders if (sign := practice_sign(folder)))


def practice_sign(folder: Path) -> str:
    """Return what shows that a folder holds a practice model, as evidence; empty when nothing does."""
    if os.path.lexists(folder / FILE_NAME):
        return FILE_NAME
    return next((f"{path.relative_to(folder).as_posix()} says so" for path in _files(folder) if _is_marked(path)), "")


def holds_real_weights(folder: Path) -> bool:
    """Whether a folder holds weights and nothing that shows they are for practice; a download may be half done."""
    return any(path.suffix in _WEIGHTS and path.is_file() for path in _files(folder)) and not practice_sign(folder)


def names_of(model: PracticeModel, cache_dir: Path) -> tuple[Path, ...]:
    """Return what has to go with a practice model: its folder, and for a snapshot what leads to it in the cache.

    Contents that it alone uses stay in `blobs`, where no client looks for them by any name; dedupe removes them.
    """
    repo = next((repo for repo in cached_repos(cache_dir) if model.folder in repo.snapshots()), None)
    if repo is None:
        return (model.folder,)
    commit = model.folder.name
    leading = (
        *(repo.folder / "refs" / name for name in repo.names_of(commit)),
        repo.folder / "trees" / f"{commit}.json",
    )
    return (*(path for path in leading if path.is_file()), model.folder)


def _model_folders(artifacts_dir: Path) -> Iterator[Path]:
    return (folder for folder in folders_in(artifacts_dir) if "--" in folder.name)


def _files(folder: Path) -> Iterator[Path]:
    return (
        folder / name for name, _st in walk(folder) if not any(part.startswith(".") for part in name.split("/")[:-1])
    )


def _is_marked(path: Path) -> bool:
    mark = METADATA_KEY.encode()
    match path.suffix:
        case ".md" if path.name == _README:
            return README_SIGN.encode() in _read(path, _README_BYTES)
        case ".safetensors" | ".json":
            return mark in _read(path, _HEAD_BYTES)
        case ".onnx":
            return mark in _read(path, _TAIL_BYTES, from_end=True)
    return False


def _read(path: Path, size_bytes: int, *, from_end: bool = False) -> bytes:
    """Return the first or last bytes of a file; nothing of one that cannot be read."""
    try:
        with path.open("rb") as file:
            if from_end:
                file.seek(max(0, path.stat().st_size - size_bytes))
            return file.read(size_bytes)
    except OSError:
        return b""
