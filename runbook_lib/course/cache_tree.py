"""What the Hub cache looks like on disk: blobs, refs, snapshots, where links lead, and who shares content."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.cache.disk_usage import FileId
from runbook_lib.cache.etags import is_etag
from runbook_lib.cache.inventory import Entry, Role, repository_entries
from runbook_lib.cache.layout import CachedRepo, cached_repos
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Preformatted, Section
from runbook_lib.render.values import format_bytes

_PARTS: Final = ("blobs", "refs", "snapshots", "trees")
"""The folders of a repository that mean something (huggingface_hub's guide "Understand caching"), in reading order."""
_HASH_DIGITS = 8
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
    entries = tuple(repository_entries(repo))
    names = _Names.of(repo, entries)
    parts = [part for part in _PARTS if (repo.folder / part).is_dir()]
    for part in parts:
        yield f"{_branch(part is parts[-1])}{part}/"
        stem = "    " if part is parts[-1] else "|   "
        below = {
            entry.path.relative_to(repo.folder / part).parts: entry for entry in entries if names.is_in(entry, part)
        }
        yield from (f"{stem}{line}" for line in _folder_lines(below, names))


def _folder_lines(below: Mapping[tuple[str, ...], Entry], names: "_Names") -> Iterator[str]:
    """Draw a folder from what stands below it, by the parts of the paths relative to it."""
    heads = sorted({parts[0] for parts in below})
    if not heads:
        yield "(empty)"
    for head in heads[:_MOST_FILES]:
        last = head is heads[-1]
        if entry := below.get((head,)):
            yield f"{_branch(last)}{_short(head)}{names.about(entry)}"
            continue
        yield f"{_branch(last)}{_short(head)}/"
        inner = {parts[1:]: entry for parts, entry in below.items() if parts[0] == head}
        yield from (f"{'    ' if last else '|   '}{line}" for line in _folder_lines(inner, names))
    if len(heads) > _MOST_FILES:
        yield f"`-- and {len(heads) - _MOST_FILES} more"


@dataclass(frozen=True)
class _Names:
    """Which names of a repository are one file, by inode."""

    home: Path
    by_file: Mapping[FileId, Sequence[Path]]

    @classmethod
    def of(cls, repo: CachedRepo, entries: Iterable[Entry]) -> "_Names":
        found: dict[FileId, list[Path]] = {}
        for entry in entries:
            if entry.is_file:
                found.setdefault(entry.file_id, []).append(entry.path)
        return cls(repo.folder, found)

    def is_in(self, entry: Entry, part: str) -> bool:
        """Whether a name stands in one of the repository's folders."""
        return entry.path.relative_to(self.home).parts[0] == part

    def about(self, entry: Entry) -> str:
        """Say what stands behind a name: a link and where it leads, the text of a ref, or a size and who shares it."""
        if entry.link is not None:
            gone = " (nothing is there)" if entry.is_dangling() else ""
            return f" -> {'/'.join(map(_short, Path(entry.link).parts))}{gone}"
        if entry.role is Role.REF:
            return f" = {_short(entry.path.read_text(encoding='utf-8', errors='replace').strip())}"
        others = [path for path in self.by_file.get(entry.file_id, ()) if path != entry.path]
        shared = f", one file with {self._place(others[0])}" if others else ""
        return f"  ({format_bytes(entry.st.st_size)}{shared})"

    def _place(self, path: Path) -> str:
        return "/".join(map(_short, path.relative_to(self.home).parts))


def _branch(last: bool) -> str:
    return "`-- " if last else "|-- "


def _short(name: str) -> str:
    """Shorten hashes, also with a suffix: the first digits tell them apart."""
    digits, dot, suffix = name.partition(".")
    return f"{digits[:_HASH_DIGITS]}{dot}{suffix}" if is_etag(digits) else name
