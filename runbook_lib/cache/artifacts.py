"""docling's artifacts folder: one `org--name` folder a model, made from a snapshot that its stamp names."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from runbook_lib.cache.layout import ListedFile, Listing
from runbook_lib.cache.paths import is_safe_path
from runbook_lib.core import atomic
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Value
from runbook_lib.errors import HubError

STAMP_NAME = ".runbook-artifacts.json"


class StampedFile(Value):
    """A file as it was when it was placed."""

    etag: str
    size_bytes: int
    mtime_ns: int


class Stamp(Value):
    """Which snapshot a model folder was made from, and for which docling (quirk Q31)."""

    schema_version: Literal[1] = 1
    repo_id: str
    revision: str
    commit: str
    docling: str
    files: dict[str, StampedFile]


class Placement(Value):
    """What was done to make a model folder match its snapshot."""

    linked: int = 0
    copied: int = 0
    kept: int = 0
    removed: int = 0

    def __str__(self) -> str:
        return f"{self.linked} hard links, {self.copied} copies, {self.kept} kept, {self.removed} removed"


def read_stamp(folder: Path) -> Stamp | None:
    """Return the stamp of a model folder; None when there is none, or it cannot be read or names foreign places."""
    try:
        stamp = Stamp.model_validate_json((folder / STAMP_NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    return stamp if all(map(is_safe_path, stamp.files)) else None


def is_placed(folder: Path, model: ModelRef) -> bool:
    """Whether the folder was made for this model and holds its files in their full length; reads no content."""
    stamp = read_stamp(folder)
    if stamp is None or (stamp.repo_id, stamp.revision) != (model.repo_id, model.revision):
        return False
    return all(_has_length(folder / path, file.size_bytes) for path, file in stamp.files.items())


def _has_length(path: Path, size_bytes: int) -> bool:
    try:
        return path.stat().st_size == size_bytes
    except OSError:
        return False


def place_artifacts(listing: Listing, snapshot: Path, folder: Path, *, docling: str, link: bool) -> Placement:
    """Make `folder` hold the snapshot's files; what stands there rightly is kept, what an older revision left goes.

    Weights (LFS files) become hard links when `link` allows and the volume does, copies otherwise. Small files are
    always copied: people edit a config, and an editor writes through a hard link into the cache. Files that no stamp
    names are left alone.
    """
    stamp = read_stamp(folder)
    known = stamp.files if stamp else {}
    counts = {"linked": 0, "copied": 0, "kept": 0}
    for file in listing.files:
        if not is_safe_path(file.path):
            raise HubError(
                f"{listing.repo_id} lists a file that would land outside its folder: {file.path!r}.",
                why="A path with .., a root or a drive in it has no place in a model.",
                remedy="Do not use this repository or mirror; nothing was written outside the artifacts folder.",
            )
        counts[_place(file, snapshot / file.path, folder / file.path, known.get(file.path), link)] += 1
    removed = sum(_remove(folder / name) for name in known.keys() - {file.path for file in listing.files})
    written = Stamp(
        repo_id=listing.repo_id,
        revision=listing.revision,
        commit=listing.commit,
        docling=docling,
        files=dict(_stamped(listing, folder)),
    )
    if written != stamp:
        atomic.write_text(folder / STAMP_NAME, written.model_dump_json(indent=2) + "\n")
    return Placement(removed=removed, **counts)


def _place(file: ListedFile, source: Path, target: Path, known: StampedFile | None, link: bool) -> str:
    if _stands(file, source, target, known):
        return "kept"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{uuid.uuid4().hex[:8]}.tmp")
    try:
        verb = _link_or_copy(source.resolve(), temporary, link and file.sha256 is not None)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return verb


def _stands(file: ListedFile, source: Path, target: Path, known: StampedFile | None) -> bool:
    if not target.is_file():
        return False
    facts = target.stat()
    if os.path.samestat(facts, source.stat()):
        return True
    return known == StampedFile(etag=file.etag, size_bytes=facts.st_size, mtime_ns=facts.st_mtime_ns)


def _link_or_copy(source: Path, target: Path, link: bool) -> str:
    if link:
        with suppress(OSError):  # another volume, or a file system without hard links
            os.link(source, target)
            return "linked"
    shutil.copyfile(source, target)
    return "copied"


def _stamped(listing: Listing, folder: Path) -> Iterator[tuple[str, StampedFile]]:
    for file in listing.files:
        facts = (folder / file.path).stat()
        yield file.path, StampedFile(etag=file.etag, size_bytes=facts.st_size, mtime_ns=facts.st_mtime_ns)


def _remove(path: Path) -> bool:
    with suppress(FileNotFoundError):
        path.unlink()
        return True
    return False
