"""One content in two places: which way of sharing it a volume has, and what that way lets other programs do.

The choice and its measurements: docs/decisions/shared-weights.md, docs/integrity.md.
"""

import errno
import os
import shutil
import stat
import tempfile
import uuid
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

from runbook_lib.cache.reflinks import clone

COPY_SUFFIX: Final = ".rbcopy"
"""Ends the name of a file that is on its way; a process that is killed leaves one."""
_WRITE_BITS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class Sharing(StrEnum):
    """How a file came to hold what another one holds."""

    CLONED = "reflink"
    """Shares the blocks until one of both is written to; nobody can write through it."""
    LINKED = "hard link"
    """One file under two names: who writes to one writes to both."""
    COPIED = "copy"


def share(source: Path, target: Path, *, clones: bool = True, hard_links: bool = True, copies: bool = True) -> Sharing:
    """Make `target`, which must not exist, hold what the regular file `source` holds, in the best way that is open.

    Leaves an incomplete `target` when it fails half-way, so give it a temporary name.
    """
    if clones:
        with suppress(OSError):  # another volume, or no reflinks there
            clone(source, target)
            return Sharing.CLONED
    if hard_links:
        with suppress(OSError):  # another volume, no hard links, or too many of them
            os.link(source, target)
            refuse_writing(target)
            return Sharing.LINKED
    if not copies:
        raise OSError(errno.EOPNOTSUPP, "neither reflinks nor hard links are to be had", str(target))
    shutil.copyfile(source, target)
    return Sharing.COPIED


def exchange(
    source: Path, target: Path, *, clones: bool = True, hard_links: bool = True, copies: bool = True
) -> Sharing:
    """Let `target` hold what `source` holds, whatever stands there; a reader sees the old file or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{uuid.uuid4().hex[:6]}{COPY_SUFFIX}")
    try:
        sharing = share(source, temporary, clones=clones, hard_links=hard_links, copies=copies)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)  # rename(2) leaves both names when they are one file already
    return sharing


def refuse_writing(path: Path) -> None:
    """Clear the write bits, so that the system refuses every program of an ordinary user that opens it for writing.

    Removing, renaming and replacing the file stay as free as its folder. huggingface_hub (1.32 and later) does the same
    to the files in its shared store. Not on Windows: there the attribute would keep huggingface_hub from deleting the
    file (WinError 5). Root is refused nothing; a file of somebody else stays as it is.
    """
    if os.name == "nt":
        return
    with suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _WRITE_BITS:
            path.chmod(mode & ~_WRITE_BITS)


def shares_without_links(folder: Path) -> bool:
    """Whether reflinks work in a folder, which must exist; tried, and nothing is left behind."""
    with suppress(OSError), tempfile.TemporaryDirectory(dir=folder, prefix=".runbook-probe-") as name:
        source = Path(name, "source")
        source.write_bytes(b"reflink probe")
        clone(source, Path(name, "twin"))
        return True
    return False
