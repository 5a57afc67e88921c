"""Hub caches as they stand on disk, in each way that files can share content."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.cache.layout import CachedRepo, ListedFile, Listing

WEIGHTS = ".safetensors"


def listed(path: str, content: bytes) -> ListedFile:
    """List a file as the Hub would; weights are LFS files."""
    git_sha1 = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    sha256 = hashlib.sha256(content).hexdigest() if path.endswith(WEIGHTS) else None
    return ListedFile(path=path, size_bytes=len(content), git_sha1=git_sha1, sha256=sha256)


def listing_of(repo_id: str, files: Mapping[str, bytes]) -> Listing:
    """List a revision; the commit follows from the content."""
    entries = tuple(listed(path, content) for path, content in sorted(files.items()))
    commit = hashlib.sha1(repr(entries).encode()).hexdigest()
    return Listing(repo_id=repo_id, revision="main", commit=commit, files=entries)


def state_on_disk(folder: Path) -> dict[Path, tuple[int, ...]]:
    """Return of each entry what changes when it is written, linked or replaced; the time of access is no part of it."""
    return {path: _state(path.lstat()) for path in folder.rglob("*")}


def _state(facts: os.stat_result) -> tuple[int, ...]:
    owner = (facts.st_mode, facts.st_uid, facts.st_gid)
    return (*owner, facts.st_ino, facts.st_nlink, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


@dataclass(frozen=True)
class CacheLayout:
    """A cache that is filled as huggingface_hub or the runbook would fill it.

    `symlink`: blobs, and links to them. `copy`: each snapshot on its own, as hub leaves it without symlinks.
    `hardlink`: each snapshot on its own, unchanged files being one file.
    """

    mode: str
    cache_dir: Path

    def repo(self, repo_id: str) -> CachedRepo:
        """Return the repository's folder."""
        return CachedRepo(self.cache_dir, repo_id)

    def add(self, repo_id: str, files: Mapping[str, bytes], *, keeps_listing: bool = True) -> Listing:
        """Add a revision and let `main` point to it."""
        listing = listing_of(repo_id, files)
        repo = self.repo(repo_id)
        for file in listing.files:
            self._add_file(repo, listing.commit, file, files[file.path])
        (repo.folder / "refs").mkdir(exist_ok=True)
        (repo.folder / "refs" / "main").write_text(listing.commit, encoding="utf-8")
        if keeps_listing:
            self._keep(repo, listing)
        return listing

    def _add_file(self, repo: CachedRepo, commit: str, file: ListedFile, content: bytes) -> None:
        target = repo.snapshot(commit) / file.path
        older = [path for path in repo.folder.rglob(target.name) if path.read_bytes() == content]
        target.parent.mkdir(parents=True, exist_ok=True)
        repo.blobs.mkdir(exist_ok=True)
        if self.mode == "symlink":
            blob = repo.blobs / file.etag
            blob.write_bytes(content)
            target.symlink_to(os.path.relpath(blob, target.parent))
        elif self.mode == "hardlink" and older:
            target.hardlink_to(older[0])
        else:
            target.write_bytes(content)

    def _keep(self, repo: CachedRepo, listing: Listing) -> None:
        entries = {
            file.path: {
                "size": file.size_bytes,
                "blob_id": file.git_sha1,
                "lfs_sha256": file.sha256,
                "lfs_size": file.size_bytes if file.sha256 else None,
                "xet_hash": None,
            }
            for file in listing.files
        }
        (repo.folder / "trees").mkdir(exist_ok=True)
        tree = {"format_version": 1, "files": entries}
        (repo.folder / "trees" / f"{listing.commit}.json").write_text(json.dumps(tree), encoding="utf-8")
