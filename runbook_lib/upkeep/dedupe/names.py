"""Which names a cache and an artifacts folder hold, and what refers to what; nothing is read but listings."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.cache.artifacts import read_stamp
from runbook_lib.cache.hard_links import TEMPORARY_SUFFIX
from runbook_lib.cache.layout import INCOMPLETE_SUFFIX, CachedRepo, cached_repos

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256_LENGTH = 64
_ALWAYS_LFS_BYTES = 10_000_000
"""The Hub keeps larger files in LFS whatever their name (guide "Upload files")."""


@dataclass(frozen=True)
class Name:
    """A regular file under one of its names."""

    path: Path
    facts: os.stat_result
    role: str
    """`blob`, `snapshot` or `artifact`."""
    folder: str
    """The repository's folder in the cache, or the model's in the artifacts folder."""
    etag: str | None
    """As a listing, a stamp or the name of the blob tells; None when nothing does."""

    @property
    def file_id(self) -> tuple[int, int]:
        """What all names of one file have in common."""
        return self.facts.st_dev, self.facts.st_ino

    @property
    def is_weights(self) -> bool:
        """Whether the content is an LFS file: nobody edits it, so that it may be shared beyond its repository."""
        lfs = self.etag is not None and len(self.etag) == _SHA256_LENGTH
        return lfs or self.facts.st_size > _ALWAYS_LFS_BYTES


def names_in(cache_dir: Path, artifacts_dir: Path | None) -> Iterator[Name]:
    """Yield every file that could share its content; hub's shared store and its links are not among them."""
    for repo in cached_repos(cache_dir):
        yield from _blobs(repo)
        for snapshot in repo.snapshots():
            listing = repo.listing(snapshot.name)
            etags = {file.path: file.etag for file in listing.files} if listing else {}
            yield from _names(snapshot, "snapshot", repo.folder.name, etags)
    for folder in sorted(artifacts_dir.glob("*--*")) if artifacts_dir and artifacts_dir.is_dir() else ():
        stamp = read_stamp(folder)
        etags = {path: file.etag for path, file in stamp.files.items()} if stamp else {}
        weights = (name for name in _names(folder, "artifact", folder.name, etags) if name.is_weights)
        yield from weights  # a small file stays a copy: an editor would write through a link into the cache


def leftovers_in(cache_dir: Path, artifacts_dir: Path | None) -> tuple[Path, ...]:
    """Return the temporary names that a killed process of ours left."""
    roots = [repo.folder for repo in cached_repos(cache_dir)]
    roots += [artifacts_dir] if artifacts_dir and artifacts_dir.is_dir() else []
    return tuple(path for root in roots for path in sorted(root.rglob(f".*{TEMPORARY_SUFFIX}")))


def referenced_blobs(repo: CachedRepo, artifacts_dir: Path | None) -> frozenset[str]:
    """Return the paths that links in the snapshots or in the artifacts folder lead to."""
    roots = [*repo.snapshots(), *([artifacts_dir] if artifacts_dir and artifacts_dir.is_dir() else [])]
    links = (path for root in roots for path in root.rglob("*") if path.is_symlink())
    return frozenset(os.path.realpath(path.parent / path.readlink(), strict=False) for path in links)


def listed_etags(repo: CachedRepo) -> frozenset[str] | None:
    """Return the etags that the snapshots' listings name; None when one has no listing, so that nothing can be told."""
    etags: set[str] = set()
    for snapshot in repo.snapshots():
        listing = repo.listing(snapshot.name)
        if listing is None:
            return None
        etags.update(file.etag for file in listing.files)
    return frozenset(etags)


def _blobs(repo: CachedRepo) -> Iterator[Name]:
    for name in _names(repo.blobs, "blob", repo.folder.name, {}):
        if _HASH.fullmatch(name.path.name):
            yield Name(name.path, name.facts, name.role, name.folder, name.path.name)


def _names(root: Path, role: str, folder: str, etags: dict[str, str]) -> Iterator[Name]:
    if os.path.realpath(root) != os.path.join(os.path.realpath(root.parent), root.name):  # noqa: PTH118
        return  # a link to somewhere else
    for path in sorted(root.rglob("*")):
        if path.name.endswith((TEMPORARY_SUFFIX, INCOMPLETE_SUFFIX)):
            continue
        with suppress(FileNotFoundError):  # gone meanwhile
            facts = path.lstat()
            if stat.S_ISREG(facts.st_mode) and facts.st_size:
                yield Name(path, facts, role, folder, etags.get(path.relative_to(root).as_posix()))
