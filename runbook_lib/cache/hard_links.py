"""One file under two names, made so that no moment shows a wrong or half file."""

import os
import stat
import uuid
from pathlib import Path

from runbook_lib.cache.hashing import etag_of
from runbook_lib.cache.sharing import refuse_writing

TEMPORARY_SUFFIX = ".rblink"
"""Ends the name of a link that is on its way; a process killed in that moment leaves one, which takes no space.

The whole name is short, so that it fits where the path is near the limit of Windows (quirk Q08).
"""


def regular_file_inside(path: Path, root: Path) -> Path | None:
    """Return where the path leads when that is a regular file below `root`, links followed; None otherwise.

    What lies outside belongs to someone who may write to it: sharing it would let that write reach our models.
    """
    try:
        resolved = path.resolve(strict=True)
        is_regular = stat.S_ISREG(resolved.lstat().st_mode)
    except (OSError, RuntimeError):  # missing, or a loop of links
        return None
    return resolved if is_regular and resolved.is_relative_to(root.resolve()) else None


def put_link(source: Path, facts: os.stat_result, target: Path, etag: str = "") -> None:
    """Give the file `source`, which was looked at as `facts`, the name `target` as well; an older target goes.

    The file can be read only from then on, where the system has such a mode and it hinders nobody (`refuse_writing`).

    The link is made under a temporary name and looked at before it takes the place, so that `target` is either what it
    was or the very file that was looked at. Raises `OSError` when that is not to be had: another volume, no hard links,
    too many of them (NTFS: 1,023 a file), a target that is open (Windows), or a source that was exchanged meanwhile.
    A link that does not look the same is accepted when it holds the content that `etag` names: overlayfs copies a file
    of a lower layer up before it links it, under a new inode if it had several names (index=off, its default).
    """
    temporary = target.with_name(f".{uuid.uuid4().hex[:6]}{TEMPORARY_SUFFIX}")
    os.link(source, temporary)
    try:
        if not _looks_like(temporary.lstat(), facts) and not (etag and etag_of(temporary, etag) == etag):
            raise FileNotFoundError(f"{source} was exchanged while it was looked at")
        refuse_writing(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)  # rename(2) leaves both names when they are one file already


def _looks_like(linked: os.stat_result, facts: os.stat_result) -> bool:
    same_content = (linked.st_size, linked.st_mtime_ns) == (facts.st_size, facts.st_mtime_ns)
    return same_content and os.path.samestat(linked, facts)


def is_own_file(path: Path) -> bool:
    """Whether a file belongs to this user: whoever owns it can give himself the right to write, through any name.

    Windows tells no owner here; its files count as own.
    """
    return not hasattr(os, "geteuid") or path.lstat().st_uid == os.geteuid()
