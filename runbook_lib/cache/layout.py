"""The Hub cache on disk: `models--org--name` with blobs, refs, snapshots and trees.

The layout is described in huggingface_hub's guide "Understand caching"; `trees/<commit>.json` exists since 1.22.
Everything here works without huggingface_hub and without a network.
"""

import json
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.cache.etags import is_commit
from runbook_lib.cache.walk import folders_in, walk
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Value

_REPOSITORY = re.compile(r"models--.+--.+", re.DOTALL)
_TREE_FORMAT = 1
INCOMPLETE_SUFFIX = ".incomplete"


class ListedFile(Value):
    """A file as the Hub lists it at a commit."""

    path: str
    """Relative to the snapshot, with forward slashes."""
    size_bytes: int
    git_sha1: str
    sha256: str | None = None
    """Only LFS files have one."""

    @property
    def etag(self) -> str:
        """The name of the file's blob in the cache."""
        return self.sha256 or self.git_sha1


class Listing(Value):
    """All files of a repository at one commit."""

    repo_id: str
    revision: str
    commit: str
    files: tuple[ListedFile, ...]

    @property
    def size_bytes(self) -> int:
        """Logical size of the snapshot."""
        return sum(file.size_bytes for file in self.files)

    def under(self, revision: str) -> "Listing":
        """Return the same listing under another name of its commit."""
        return Listing(repo_id=self.repo_id, revision=revision, commit=self.commit, files=self.files)


@dataclass(frozen=True)
class CachedRepo:
    """The folder of one repository in a Hub cache; it need not exist."""

    cache_dir: Path
    repo_id: str

    @property
    def folder(self) -> Path:
        """The repository's own folder."""
        return self.cache_dir / f"models--{self.repo_id.replace('/', '--')}"

    @property
    def blobs(self) -> Path:
        """Where contents stand when links work."""
        return self.folder / "blobs"

    def snapshot(self, commit: str) -> Path:
        """Return the folder of a snapshot; it need not exist."""
        return self.folder / "snapshots" / commit

    def snapshots(self) -> tuple[Path, ...]:
        """Return the snapshot folders there are, sorted by name."""
        return folders_in(self.folder / "snapshots")

    def stands(self, commit: str, file: ListedFile) -> bool:
        """Whether a file of a listing stands in its snapshot in its full length; the content is not read."""
        return _has_length(self.snapshot(commit) / file.path, file.size_bytes)

    def holds(self, commit: str, file: ListedFile) -> bool:
        """Whether it need not be fetched: it stands in its snapshot, or its content among the blobs."""
        return self.stands(commit, file) or _has_length(self.blobs / file.etag, file.size_bytes)

    def missing(self, listing: Listing) -> tuple[ListedFile, ...]:
        """Return the files of a listing that do not stand in their snapshot; with none it can be loaded."""
        return tuple(file for file in listing.files if not self.stands(listing.commit, file))

    def commit_of(self, revision: str) -> str | None:
        """Return the commit a revision stood for when it was last asked for; None when that cannot be read there."""
        return revision if is_commit(revision) else _read_ref(self.folder / "refs" / revision)

    def names_of(self, commit: str) -> tuple[str, ...]:
        """Return the branches and tags that point to a commit, as far as they were asked for here."""
        home = self.folder / "refs"
        return tuple(name for name, _st in walk(home) if _read_ref(home / name) == commit)

    def listing(self, revision: str) -> Listing | None:
        """Return the listing hub kept of a revision; None when there is none or it cannot be read."""
        commit = self.commit_of(revision)
        path = self.folder / "trees" / f"{commit}.json"
        if commit is None or not path.is_file():
            return None
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
            files = tuple(_listed(name, entry) for name, entry in sorted(tree["files"].items()))
            known_format = tree.get("format_version") == _TREE_FORMAT
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):  # whatever JSON may hold
            return None
        if not known_format:
            return None
        return Listing(repo_id=self.repo_id, revision=revision, commit=commit, files=files)


def _has_length(path: Path, size_bytes: int) -> bool:
    try:
        st = path.stat()
    except OSError:  # not there, or a link to nothing
        return False
    return stat.S_ISREG(st.st_mode) and st.st_size == size_bytes


def _read_ref(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return text if is_commit(text) else None


def _listed(name: str, entry: Mapping[str, Any]) -> ListedFile:
    sha256 = entry.get("lfs_sha256")
    size_bytes = entry["lfs_size"] if sha256 else entry["size"]
    return ListedFile(path=name, size_bytes=size_bytes, git_sha1=entry["blob_id"], sha256=sha256)


def cached_repos(cache_dir: Path) -> Iterator[CachedRepo]:
    """Yield the model repositories of a cache, sorted by name; a cache that does not exist has none."""
    for folder in folders_in(cache_dir):
        if _REPOSITORY.fullmatch(folder.name):
            yield CachedRepo(cache_dir, folder.name.removeprefix("models--").replace("--", "/", 1))


def repo_of(cache_dir: Path, model: ModelRef) -> CachedRepo:
    """Return the folder of a model in a cache."""
    return CachedRepo(cache_dir, model.repo_id)
