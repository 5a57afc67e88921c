"""Which files of a folder are read; nothing is followed out of it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runbook_lib.audit.finding import SkippedFile
from runbook_lib.audit.sources.kinds import Kind, kind_of_name, suffix_of

_MAX_BYTES = 1_000_000
_MAX_NOTEBOOK_BYTES = 20_000_000
"""Notebooks carry their pictures; only their code cells are looked at."""
_MAX_LOCK_BYTES = 20_000_000
"""Only the entries of the packages that matter are parsed."""
_SHEBANG = b"#!"
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
_LEAST_READ_BYTES = 4096
"""For files that say they are empty, as those of /proc do, and for what was written meanwhile."""
_FOLDERS = {
    ".git": "version control",
    ".hg": "version control",
    ".svn": "version control",
    "node_modules": "installed packages",
    "site-packages": "installed packages",
    "third_party": "other people's code",
    "thirdparty": "other people's code",
    "vendor": "other people's code",
    ".tox": "installed packages",
    ".nox": "installed packages",
    "__pycache__": "a cache",
    ".mypy_cache": "a cache",
    ".ruff_cache": "a cache",
    ".pytest_cache": "a cache",
    ".hypothesis": "a cache",
    ".ipynb_checkpoints": "a cache",
}


class TooLargeError(ValueError):
    """The file is larger than what is read of its kind."""


class Candidate(NamedTuple):
    """A file worth reading; `kind` is None where only its first line can tell."""

    location: str
    path: str
    kind: Kind | None

    def read(self) -> bytes:
        """Return the content; empty for a file of unknown kind that does not begin as a script.

        Raises:
            OSError: It cannot be read.
            TooLargeError: It is larger than what is read of its kind.
        """
        descriptor = os.open(self.location, _OPEN_FLAGS)  # tens of thousands: a file object each doubles the time
        try:
            size_bytes = os.fstat(descriptor).st_size
            limit = self._limit_bytes()
            if self.kind is not None and size_bytes > limit:
                raise TooLargeError(f"{size_bytes} bytes, more than the {limit} that are read")
            start = b"" if self.kind is not None else os.read(descriptor, len(_SHEBANG))
            if self.kind is None and (size_bytes > limit or start != _SHEBANG):
                return b""
            data = os.read(descriptor, max(size_bytes, _LEAST_READ_BYTES) + 1)
            if not start and len(data) == size_bytes:  # one more was asked for: that was the end
                return data
            parts = [start, data]
            while parts[-1]:
                parts.append(os.read(descriptor, max(size_bytes, _LEAST_READ_BYTES)))
            return b"".join(parts)
        finally:
            os.close(descriptor)

    def _limit_bytes(self) -> int:
        if self.kind is Kind.NOTEBOOK:
            return _MAX_NOTEBOOK_BYTES
        return _MAX_LOCK_BYTES if self.path.endswith(".lock") else _MAX_BYTES


class _Folder(NamedTuple):
    location: str
    path: str


def walk(root: Path) -> Iterator[Candidate | SkippedFile]:
    """Yield what is to be read below `root` (a folder or one file), the folders after the files beside them."""
    if not root.is_dir():
        yield from _judge_file(os.fspath(root), root.name, is_regular=root.is_file())
        return
    waiting = [_Folder(os.fspath(root), "")]
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
        with os.scandir(folder.location) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        yield SkippedFile(path=folder.path or ".", reason=_unreadable(error))
        return
    start = f"{folder.path}/" if folder.path else ""
    for entry in entries:
        path = start + _printable(entry.name)
        try:
            is_link, is_folder, is_regular = (
                _is_link(entry),
                entry.is_dir(follow_symlinks=False),
                entry.is_file(follow_symlinks=False),
            )
        except OSError as error:
            yield SkippedFile(path=path, reason=_unreadable(error))
            continue
        if is_link:
            yield SkippedFile(path=path, reason=_link_reason(Path(entry.path), root))
        elif is_folder:
            yield _judge_folder(_Folder(entry.path, path), entry.name)
        else:
            yield from _judge_file(entry.path, path, is_regular=is_regular)


def _judge_folder(folder: _Folder, name: str) -> _Folder | SkippedFile:
    reason = _FOLDERS.get(name.lower(), "")
    if not reason and os.path.isfile(f"{folder.location}/pyvenv.cfg"):  # noqa: PTH113 - as in `Candidate.read`
        reason = "a virtual environment"
    return SkippedFile(path=folder.path, reason=reason) if reason else folder


def _judge_file(location: str, path: str, *, is_regular: bool) -> Iterator[Candidate | SkippedFile]:
    kind = kind_of_name(path)
    if kind is None and suffix_of(path.rpartition("/")[2]):
        return
    if is_regular:
        yield Candidate(location, path, kind)
    elif kind is not None:
        yield SkippedFile(path=path, reason="not a regular file")


def _is_link(entry: os.DirEntry[str]) -> bool:
    """Tell whether it is a symbolic link or a Windows junction; asks the disk only on Windows, where it is free."""
    if entry.is_symlink():
        return True
    tag = getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0) if os.name == "nt" else 0
    return bool(tag) and tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)


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
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode("utf-8")
