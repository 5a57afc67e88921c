"""Which files of a folder are read; nothing is followed out of it."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runbook_lib.audit.finding import SkippedFile
from runbook_lib.audit.sources.kinds import Kind, kind_of_name

_MAX_BYTES = 1_000_000
_MAX_NOTEBOOK_BYTES = 20_000_000
"""Notebooks carry their pictures; only their code cells are looked at."""
_FOLDERS = {
    ".git": "version control",
    ".hg": "version control",
    ".svn": "version control",
    "node_modules": "installed packages",
    "site-packages": "installed packages",
    ".tox": "installed packages",
    ".nox": "installed packages",
    "__pycache__": "a cache",
    ".mypy_cache": "a cache",
    ".ruff_cache": "a cache",
    ".pytest_cache": "a cache",
    ".hypothesis": "a cache",
    ".ipynb_checkpoints": "a cache",
}


@dataclass(frozen=True)
class Candidate:
    """A file worth reading; `kind` is None where only its first line can tell."""

    location: Path
    path: str
    kind: Kind | None


@dataclass(frozen=True)
class _Folder:
    location: Path
    path: str


def walk(root: Path) -> Iterator[Candidate | SkippedFile]:
    """Yield what is to be read below `root` (a folder or one file), the folders after the files beside them."""
    if not root.is_dir():
        yield from _judge_file(root, root.name, root.stat())
        return
    waiting = [_Folder(root, "")]
    while waiting:
        folder = waiting.pop()
        below: list[_Folder] = []
        for found in _list(folder, root):
            if isinstance(found, _Folder):
                below.append(found)
            else:
                yield found
        waiting.extend(reversed(below))


def _list(folder: _Folder, root: Path) -> Iterator[_Folder | Candidate | SkippedFile]:
    try:
        entries = sorted(os.scandir(folder.location), key=lambda entry: entry.name)
    except OSError as error:
        yield SkippedFile(path=folder.path or ".", reason=_unreadable(error))
        return
    for entry in entries:
        path = f"{folder.path}/{_printable(entry.name)}".lstrip("/")
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            yield SkippedFile(path=path, reason=_unreadable(error))
            continue
        if _is_link(status):
            yield SkippedFile(path=path, reason=_link_reason(Path(entry.path), root))
        elif stat.S_ISDIR(status.st_mode):
            yield _judge_folder(_Folder(Path(entry.path), path))
        else:
            yield from _judge_file(Path(entry.path), path, status)


def _judge_folder(folder: _Folder) -> _Folder | SkippedFile:
    reason = _FOLDERS.get(folder.location.name.lower(), "")
    if not reason and (folder.location / "pyvenv.cfg").is_file():
        reason = "a virtual environment"
    return SkippedFile(path=folder.path, reason=reason) if reason else folder


def _judge_file(location: Path, path: str, status: os.stat_result) -> Iterator[Candidate | SkippedFile]:
    pure = PurePosixPath(path)
    kind = kind_of_name(pure)
    if kind is None and pure.suffix:
        return
    if not stat.S_ISREG(status.st_mode):
        if kind is not None:
            yield SkippedFile(path=path, reason="not a regular file")
        return
    limit = _MAX_NOTEBOOK_BYTES if kind is Kind.NOTEBOOK else _MAX_BYTES
    if status.st_size <= limit:
        yield Candidate(location, path, kind)
    elif kind is not None:
        yield SkippedFile(path=path, reason=f"{status.st_size} bytes, more than the {limit} that are read")


def _is_link(status: os.stat_result) -> bool:
    """Tell whether it is a symbolic link or a Windows junction."""
    tag = getattr(status, "st_reparse_tag", 0)
    return stat.S_ISLNK(status.st_mode) or tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)


def _link_reason(link: Path, root: Path) -> str:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere or in a circle"
    if target.is_relative_to(root.resolve()):
        return "a link; its target is read under its own name"
    return "a link that leaves the audited folder"


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {type(error).__name__}, errno {error.errno}"


def _printable(name: str) -> str:
    """Make a name that is not valid Unicode fit for JSON."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
