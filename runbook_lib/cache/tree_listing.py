"""The files in which huggingface_hub (1.22 and later) keeps what the Hub listed: `trees/<commit>.json`.

They are written once a commit, by `tempfile.mkstemp`, and so with mode 0600 whatever the umask (`_tree_cache.py`, 1.22
to 2.4): in a cache that several users share, the others cannot read them.
"""

import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from runbook_lib.cache.etags import is_commit, is_sha256

_POINTER: Final = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"
"""What git holds in place of an LFS file (git-lfs, docs/spec.md)."""
_ALL_READ: Final = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH


def tree_path(folder: Path, commit: str) -> Path:
    """Return where the listing of a commit stands, below a repository's folder or a local folder's notes."""
    return folder / "trees" / f"{commit}.json"


def refusal(path: Path) -> OSError | None:
    """Return what the system says to reading the file; None when it is readable or not there."""
    try:
        path.open("rb").close()
    except FileNotFoundError:
        return None
    except OSError as error:
        return error
    return None


def files_of(path: Path) -> dict[str, Any] | None:
    """Return the entries as they are written; None when the file cannot be read."""
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return files if isinstance(files, dict) else None


def digest_of(path: Path) -> str:
    """Return the SHA-256 of the entries, whatever their order and layout; empty when the file cannot be read."""
    files = files_of(path)
    return "" if files is None else hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def oddity(path: Path) -> str:
    """Say which entry cannot be what the Hub listed, in fields that no download reads too; empty when all can."""
    files = files_of(path) or {}
    return next((f"{name}: {seen}" for name, entry in files.items() if (seen := _odd(entry))), "")


def _odd(entry: Any) -> str:  # noqa: ANN401 - whatever JSON may hold
    if not isinstance(entry, dict):
        return "no entry"
    lfs_sha256, xet_hash = entry.get("lfs_sha256"), entry.get("xet_hash")
    if not is_commit(str(entry.get("blob_id"))):
        return f"blob_id {entry.get('blob_id')!r} is not a git hash"
    if lfs_sha256 is not None and not is_sha256(str(lfs_sha256)):
        return f"lfs_sha256 {lfs_sha256!r} is not a SHA-256"
    if xet_hash is not None and not is_sha256(str(xet_hash)):
        return f"xet_hash {xet_hash!r} is not a Xet hash"
    size, lfs_size = entry.get("size"), entry.get("lfs_size")
    if lfs_sha256 is not None and size not in (lfs_size, len(_POINTER.format(lfs_sha256, lfs_size))):
        return f"size {size} is neither that of the file, {lfs_size}, nor that of its pointer"
    return ""


def is_private(path: Path) -> bool:
    """Whether others may read the folder of the listing and not the listing itself; never on Windows."""
    if os.name == "nt":
        return False
    with suppress(OSError):
        return bool(_missing_bits(path))
    return False


def make_public(path: Path) -> bool:
    """Let those read the listing who may read its folder; False when nothing was to be done, or may not be."""
    if os.name == "nt":
        return False
    with suppress(OSError):
        if missing := _missing_bits(path):
            path.chmod(stat.S_IMODE(path.stat().st_mode) | missing)
            return True
    return False


def _missing_bits(path: Path) -> int:
    """Return the read bits that the folder has and the file lacks."""
    return stat.S_IMODE(path.parent.stat().st_mode) & _ALL_READ & ~path.stat().st_mode
