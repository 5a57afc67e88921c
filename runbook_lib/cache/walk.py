"""The one place that walks a cache or an artifacts folder; what a name means, `inventory` says.

Links are never followed but at the very top, and neither are junctions (Windows): what they lead to stands somewhere
else. What vanishes meanwhile, or may not be read, is passed over.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_STAT_BY_PATH: Final = os.name == "nt"
"""On Windows `DirEntry.stat` leaves inode and number of links at zero (Python documentation)."""
_JUNCTION: Final = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None)


def walk_top(top: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield what `walk` yields of the folder itself, nothing from its subfolders."""
    for name, st in walk(top):
        if "/" in name:
            return  # what stands in the folder itself comes first
        yield name, st


def walk(top: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the name, relative to `top` and with forward slashes, and the `lstat` of everything that is not a folder.

    Sorted: first what stands in a folder itself, then its subfolders. A folder that does not exist holds nothing.
    """
    pending = [""]
    while pending:
        prefix = pending.pop()
        folders = []
        for entry in _scanned(os.path.join(top, prefix)):  # noqa: PTH118 - five times as fast, and it is the inner loop
            name = prefix + entry.name
            try:
                if _is_real_folder(entry):
                    folders.append(f"{name}/")
                else:
                    yield name, _lstat(entry)
            except OSError:
                continue
        pending += reversed(folders)


def folders_in(top: Path) -> tuple[Path, ...]:
    """Return the folders that stand directly in a folder, sorted, links to folders among them."""
    found = []
    for entry in _scanned(str(top)):
        try:
            if entry.is_dir():
                found.append(Path(entry.path))
        except OSError:
            continue
    return tuple(found)


def names_in(top: Path) -> tuple[str, ...]:
    """Return the names of everything that stands directly in a folder, sorted."""
    return tuple(entry.name for entry in _scanned(str(top)))


def _scanned(folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_real_folder(entry: "os.DirEntry[str]") -> bool:
    if not entry.is_dir(follow_symlinks=False):
        return False
    return not _STAT_BY_PATH or getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0) != _JUNCTION


def _lstat(entry: "os.DirEntry[str]") -> os.stat_result:
    if _STAT_BY_PATH:
        return os.lstat(entry.path)
    return entry.stat(follow_symlinks=False)
