"""Hard links from older snapshots into a new one, before it is fetched.

Without symlinks huggingface_hub keeps each file in its snapshot alone, and so fetches and stores an unchanged file once
more for every revision. But it fetches nothing that stands in the new snapshot already: `snapshot_download` asks for
each file by commit, and `hf_hub_download` returns a path that exists (0.25 to 2.x). So unchanged files are put there.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from runbook_lib.cache.hard_links import put_link, regular_file_inside
from runbook_lib.cache.hashing import git_sha1_of, sha256_of
from runbook_lib.cache.inventory import snapshot_entries
from runbook_lib.cache.layout import CachedRepo, ListedFile, Listing, cached_repos
from runbook_lib.cache.paths import is_safe_path
from runbook_lib.system.layers import CopyUps, Layers


def linkable_files(repo: CachedRepo, listing: Listing) -> tuple[ListedFile, ...]:
    """Return the files of a new revision that seem to stand in the cache already; no content is read.

    Seem: an older listing or the name of a blob says so, or, where no listing was kept, the length alone.
    """
    return tuple(file for file, _source in _linkable(repo, listing))


def copied_up_bytes(repo: CachedRepo, listing: Listing) -> int:
    """Return what the upper layer of a container would take, at the most, if all `linkable_files` were linked."""
    layers = Layers(repo.cache_dir)
    if not layers.exist:
        return 0
    return sum(file.size_bytes for file, source in _linkable(repo, listing) if not layers.is_own(source))


def _linkable(repo: CachedRepo, listing: Listing) -> Iterator[tuple[ListedFile, Path]]:
    sources = _Sources(repo)
    for file, _target in _absent(repo, listing):
        if (source := next(sources.same_length(file), None)) is not None:
            yield file, source


def link_unchanged_files(repo: CachedRepo, listing: Listing, copy_ups: CopyUps | None = None) -> tuple[ListedFile, ...]:
    """Hard-link every file of the listing whose content stands in the cache into the new snapshot; returns them.

    The hash decides: a source is read whole before it is linked, so that no damaged file spreads. A file that cannot be
    linked, for whatever reason, is left to be fetched. LFS files are also looked for in the cache's other repositories.
    `copy_ups` counts what that took of a container's upper layer.
    """
    sources, copy_ups = _Sources(repo), copy_ups or CopyUps(Layers(repo.cache_dir))
    return tuple(file for file, target in _absent(repo, listing) if _link(sources, file, target, copy_ups))


def _absent(repo: CachedRepo, listing: Listing) -> Iterator[tuple[ListedFile, Path]]:
    """Yield the files that do not stand in the snapshot in their full length, and where they belong.

    A path that would lead out of the snapshot, by its own words or through a link, is passed over.
    """
    snapshot = repo.snapshot(listing.commit)
    for file in listing.files:
        target = snapshot / file.path
        if not is_safe_path(file.path) or not target.parent.resolve().is_relative_to(snapshot.resolve()):
            continue
        if not repo.stands(listing.commit, file):
            yield file, target


def _link(sources: "_Sources", file: ListedFile, target: Path, copy_ups: CopyUps) -> bool:
    for source in sources.same_length(file):
        with suppress(OSError):  # damaged, gone, on another volume: another source may do
            facts = source.stat()
            if sources.hash_of(source, facts, lfs=file.sha256 is not None) == file.etag:
                target.parent.mkdir(parents=True, exist_ok=True)
                with copy_ups.counted(source):
                    put_link(source, facts, target, file.etag)
                return True
    return False


def _size_of(path: Path) -> int:
    """Return a file's length; -1, which no listed file has, when it is gone by now."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


@dataclass
class _Sources:
    """Where contents stand in a cache; every listing, folder and content is read once."""

    repo: CachedRepo
    _hashes: dict[tuple[int, int, int, bool], str] = field(default_factory=dict)

    def same_length(self, file: ListedFile) -> Iterator[Path]:
        """Yield the regular files inside the cache that may hold the content and have its length."""
        found = (regular_file_inside(path, self.repo.cache_dir) for path in self._named(file))
        fitting = (source for source in found if source is not None and _size_of(source) == file.size_bytes)
        if self._layers.exist:  # what the upper layer holds already need not be copied up
            yield from sorted(fitting, key=lambda source: not self._layers.is_own(source))
        else:
            yield from fitting

    def hash_of(self, path: Path, facts: os.stat_result, *, lfs: bool) -> str:
        """Return the hash that names the content: SHA-256 for LFS files, git's blob id otherwise."""
        key = (facts.st_dev, facts.st_ino, facts.st_mtime_ns, lfs)
        if key not in self._hashes:
            self._hashes[key] = sha256_of(path) if lfs else git_sha1_of(path)
        return self._hashes[key]

    def _named(self, file: ListedFile) -> Iterator[Path]:
        for shelf in self._shelves if file.sha256 else self._shelves[:1]:
            yield from shelf.named(file)

    @cached_property
    def _layers(self) -> Layers:
        return Layers(self.repo.cache_dir)

    @cached_property
    def _shelves(self) -> tuple["_Shelf", ...]:
        others = (repo for repo in cached_repos(self.repo.cache_dir) if repo.folder != self.repo.folder)
        return (_Shelf(self.repo), *map(_Shelf, others))


@dataclass
class _Shelf:
    """One repository as a place to find contents in."""

    repo: CachedRepo

    def named(self, file: ListedFile) -> Iterator[Path]:
        """Yield the paths that the blob's name or a listing says hold the content, then those no listing speaks of."""
        yield self.repo.blobs / file.etag
        yield from self._listed.get(file.etag, ())
        yield from self._unlisted.get(file.size_bytes, ())

    @cached_property
    def _listed(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for snapshot, listing in self._snapshots:
            for file in listing.files if listing else ():
                found.setdefault(file.etag, []).append(snapshot / file.path)
        return found

    @cached_property
    def _unlisted(self) -> dict[int, list[Path]]:
        """By length: huggingface_hub before 1.22 kept no listings."""
        found: dict[int, list[Path]] = {}
        for snapshot, listing in self._snapshots:
            for entry in snapshot_entries(self.repo, snapshot.name) if listing is None else ():
                if st := entry.content():
                    found.setdefault(st.st_size, []).append(entry.path)
        return found

    @cached_property
    def _snapshots(self) -> tuple[tuple[Path, Listing | None], ...]:
        return tuple((folder, self.repo.listing(folder.name)) for folder in self.repo.snapshots())
