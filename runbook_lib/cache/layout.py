"""The Hub cache on disk: `models--org--name` with blobs, refs, snapshots and trees.

The layout is described in huggingface_hub's guide "Understand caching"; `trees/<commit>.json` exists since 1.22.
Everything here works without huggingface_hub and without a network.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Value

_COMMIT = re.compile(r"[0-9a-f]{40}")
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
        home = self.folder / "snapshots"
        return tuple(sorted(path for path in home.iterdir() if path.is_dir())) if home.is_dir() else ()

    def commit_of(self, revision: str) -> str | None:
        """Return the commit a revision stood for when it was last asked for; None when it never was."""
        if _COMMIT.fullmatch(revision):
            return revision
        reference = self.folder / "refs" / revision
        return reference.read_text(encoding="utf-8").strip() if reference.is_file() else None

    def names_of(self, commit: str) -> tuple[str, ...]:
        """Return the branches and tags that point to a commit, as far as they were asked for here."""
        home = self.folder / "refs"
        files = sorted(path for path in home.rglob("*") if path.is_file()) if home.is_dir() else []
        return tuple(
            path.relative_to(home).as_posix() for path in files if path.read_text(encoding="utf-8").strip() == commit
        )

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

    def leftovers(self) -> tuple[Path, ...]:
        """Return the partial files that interrupted downloads left; hub 1.18 and later never uses them again (Q15)."""
        return tuple(sorted(self.blobs.glob(f"*{INCOMPLETE_SUFFIX}"))) if self.blobs.is_dir() else ()


def _listed(name: str, entry: Mapping[str, Any]) -> ListedFile:
    sha256 = entry.get("lfs_sha256")
    size_bytes = entry["lfs_size"] if sha256 else entry["size"]
    return ListedFile(path=name, size_bytes=size_bytes, git_sha1=entry["blob_id"], sha256=sha256)


def cached_repos(cache_dir: Path) -> Iterator[CachedRepo]:
    """Yield the model repositories of a cache, sorted by name; a cache that does not exist has none."""
    if not cache_dir.is_dir():
        return
    for folder in sorted(cache_dir.glob("models--*--*")):
        if folder.is_dir():
            yield CachedRepo(cache_dir, folder.name.removeprefix("models--").replace("--", "/", 1))


def repo_of(cache_dir: Path, model: ModelRef) -> CachedRepo:
    """Return the folder of a model in a cache."""
    return CachedRepo(cache_dir, model.repo_id)
