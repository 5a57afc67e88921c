"""What the Hub cache looks like on disk: blobs, refs, snapshots, where links lead, and who shares content."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.cache.layout import CachedRepo, cached_repos
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Preformatted, Section
from runbook_lib.render.values import format_bytes

_PARTS: Final = ("blobs", "refs", "snapshots", "trees")
"""The folders of a repository that mean something (huggingface_hub's guide "Understand caching"), in reading order."""
_HASH_DIGITS = 8
_HASHES: Final = (40, 64)
"""Lengths of a git id and of a sha256, in hexadecimal digits."""
_MOST_FILES = 40
_MOST_REPOSITORIES = 6
"""A folder with more files is shown in part: the tree is for reading."""


@dataclass(frozen=True)
class CacheTree(Rendered):
    """The repositories of a cache, drawn."""

    cache_dir: Path
    repositories: tuple[Preformatted, ...]
    not_drawn: tuple[str, ...] = ()

    def sections(self) -> Sequence[Section]:
        """Return one tree a repository; a note where there is none, or more than anybody reads."""
        if not self.repositories:
            return (Note("The cache", ("It is empty: stage download fills it.",)),)
        more = Note("Not drawn", self.not_drawn)
        return (*self.repositories, more) if self.not_drawn else self.repositories


def cache_tree(cache_dir: Path, *, title: str = "") -> CacheTree:
    """Draw the model repositories of a cache; reads names, links and sizes, no content but that of refs."""
    repos = tuple(cached_repos(cache_dir))
    trees = tuple(
        Preformatted(title or f"{repo.repo_id} in the cache", (f"{repo.folder.name}/", *_repository_lines(repo)))
        for repo in repos[:_MOST_REPOSITORIES]
    )
    return CacheTree(cache_dir, trees, tuple(repo.repo_id for repo in repos[_MOST_REPOSITORIES:]))


def _repository_lines(repo: CachedRepo) -> Iterator[str]:
    names = _Names.of(repo.folder)
    parts = [repo.folder / part for part in _PARTS if (repo.folder / part).is_dir()]
    for part in parts:
        yield f"{_branch(part is parts[-1])}{part.name}/"
        stem = "    " if part is parts[-1] else "|   "
        yield from (f"{stem}{line}" for line in _folder_lines(part, names))


def _folder_lines(folder: Path, names: "_Names") -> Iterator[str]:
    entries = sorted(folder.iterdir(), key=lambda path: path.name)
    if not entries:
        yield "(empty)"
    for entry in entries[:_MOST_FILES]:
        last = entry is entries[-1]
        if entry.is_dir() and not entry.is_symlink():
            yield f"{_branch(last)}{_short(entry.name)}/"
            yield from (f"{'    ' if last else '|   '}{line}" for line in _folder_lines(entry, names))
        else:
            yield f"{_branch(last)}{_short(entry.name)}{names.about(entry)}"
    if len(entries) > _MOST_FILES:
        yield f"`-- and {len(entries) - _MOST_FILES} more"


@dataclass(frozen=True)
class _Names:
    """Which names of a repository are one file, by inode."""

    home: Path
    by_inode: dict[tuple[int, int], list[Path]]

    @classmethod
    def of(cls, home: Path) -> "_Names":
        found: dict[tuple[int, int], list[Path]] = {}
        for path in _regular_files(home):
            facts = path.stat()
            found.setdefault((facts.st_dev, facts.st_ino), []).append(path)
        return cls(home, found)

    def about(self, path: Path) -> str:
        """Say what stands behind a name: a link and where it leads, the text of a ref, or a size and who shares it."""
        if path.is_symlink():
            target = path.readlink()
            gone = "" if path.exists() else " (nothing is there)"
            return f" -> {'/'.join(map(_short, target.parts))}{gone}"
        if (self.home / "refs") in path.parents:
            return f" = {_short(path.read_text(encoding='utf-8', errors='replace').strip())}"
        facts = path.stat()
        others = [other for other in self.by_inode.get((facts.st_dev, facts.st_ino), ()) if other != path]
        shared = f", one file with {self._place(others[0])}" if others else ""
        return f"  ({format_bytes(facts.st_size)}{shared})"

    def _place(self, path: Path) -> str:
        return "/".join(map(_short, path.relative_to(self.home).parts))


def _regular_files(home: Path) -> Iterator[Path]:
    for folder, _, files in os.walk(home):
        paths: Iterable[Path] = (Path(folder, name) for name in sorted(files))
        yield from (path for path in paths if path.is_file() and not path.is_symlink())


def _branch(last: bool) -> str:
    return "`-- " if last else "|-- "


def _short(name: str) -> str:
    """Shorten hashes, also with a suffix: the first digits tell them apart."""
    digits, dot, suffix = name.partition(".")
    is_hash = len(digits) in _HASHES and all(digit in "0123456789abcdef" for digit in digits)
    return f"{digits[:_HASH_DIGITS]}{dot}{suffix}" if is_hash else name
