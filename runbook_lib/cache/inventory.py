"""What stands in a Hub cache and in docling's artifacts folder: every name once, with all that names and listings tell.

No content is read but that of listings and stamps. Everything that looks through a cache reads this.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

from runbook_lib.cache.artifacts import STAMP_NAME, read_stamp
from runbook_lib.cache.etags import is_etag, is_sha256
from runbook_lib.cache.hard_links import TEMPORARY_SUFFIX
from runbook_lib.cache.layout import INCOMPLETE_SUFFIX, CachedRepo, cached_repos
from runbook_lib.cache.sharing import COPY_SUFFIX
from runbook_lib.cache.walk import folders_in, walk, walk_top

QUARANTINE: Final = ".runbook-quarantine"
"""Where repair moves what is bad: below the repository's folder in the cache, where `hf cache ls` does not take it for
a repository; and below the artifacts folder. On the same volume as what goes there, so that moving is renaming."""
LOCAL_NOTES: Final = ".cache"
"""docling-tools and huggingface_hub keep their notes there, in a folder they download to."""
_ALWAYS_LFS_BYTES: Final = 10_000_000
"""The Hub keeps larger files in LFS whatever their name (guide "Upload files")."""


class Role(StrEnum):
    """What a name is for."""

    BLOB = "blob"
    """A content under its etag."""
    SNAPSHOT = "snapshot"
    """A file, or a link to one, as a revision names it."""
    REF = "ref"
    LISTING = "listing"
    """The Hub's list of a commit (`trees`, huggingface_hub 1.22 and later)."""
    SHARED_STORE = "shared store"
    """What huggingface_hub shares between repositories (`<cache>/blobs`, 1.32 and later)."""
    ARTIFACT = "artifact"
    """A file in docling's artifacts folder."""
    NOTE = "note"
    """What this runbook or huggingface_hub noted about an artifacts folder."""
    INCOMPLETE = "incomplete"
    """What a download has written so far."""
    TEMPORARY = "temporary"
    """A link or a copy of ours on its way."""
    LOCK = "lock"
    QUARANTINE = "quarantine"
    OTHER = "other"


@dataclass(frozen=True)
class Entry:
    """One name; links are not followed."""

    root: Path
    """What `name` is relative to: the folder of the snapshot, of the blobs, of the model."""
    name: str
    """With forward slashes."""
    st: os.stat_result
    """`lstat`."""
    role: Role
    folder: str
    """`models--org--name` in a cache, the first folder in an artifacts folder; empty outside of both."""
    commit: str = ""
    """Of the snapshot, or as the artifacts folder's stamp says; empty when there is none."""
    etag: str | None = None
    """As a listing, a stamp or the name of the blob tells; None when nothing does."""

    @cached_property
    def path(self) -> Path:
        """Where it stands."""
        return self.root / self.name

    @cached_property
    def link(self) -> str | None:
        """What the symlink says; None when it is none, or is gone by now."""
        if stat.S_ISLNK(self.st.st_mode):
            with suppress(OSError):
                return os.readlink(self.path)  # noqa: PTH115 - as it is written, no path of this system perhaps
        return None

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file itself, and no link to one."""
        return stat.S_ISREG(self.st.st_mode)

    @property
    def file_id(self) -> tuple[int, int]:
        """What all names of one file have in common."""
        return self.st.st_dev, self.st.st_ino

    @property
    def is_weights(self) -> bool:
        """Whether the content is an LFS file: nobody edits it, so that it may be shared beyond its repository."""
        return (self.etag is not None and is_sha256(self.etag)) or self.st.st_size > _ALWAYS_LFS_BYTES

    def content(self) -> os.stat_result | None:
        """Return the `stat` of the regular file it leads to, links followed; None when there is none."""
        if self.is_file:
            return self.st
        with suppress(OSError):
            found = self.path.stat()
            return found if stat.S_ISREG(found.st_mode) else None
        return None

    def is_dangling(self) -> bool:
        """Whether it is a link to nothing, or to what may not be followed."""
        return stat.S_ISLNK(self.st.st_mode) and not os.path.exists(self.path)  # noqa: PTH110 - Path.exists raises there


def inventory(cache_dir: Path, artifacts_dir: Path | None = None) -> Iterator[Entry]:
    """Yield everything that stands in a cache and an artifacts folder and is not a folder."""
    repos = {repo.folder.name: repo for repo in cached_repos(cache_dir)}
    for repo in repos.values():
        yield from repository_entries(repo)
    for folder in folders_in(cache_dir):
        if folder.name not in repos:
            yield from entries_below(folder, _CACHE_ROLES.get(folder.name, Role.OTHER), "")
    if artifacts_dir is not None:
        yield from artifact_entries(artifacts_dir)


def repository_entries(repo: CachedRepo) -> Iterator[Entry]:
    """Yield what stands in the folder of a repository."""
    for part in folders_in(repo.folder):
        if part.name != SNAPSHOTS:
            yield from entries_below(part, _REPOSITORY_ROLES.get(part.name, Role.OTHER), repo.folder.name)
            continue
        for snapshot in repo.snapshots():
            yield from snapshot_entries(repo, snapshot.name)


def blob_entries(repo: CachedRepo) -> Iterator[Entry]:
    """Yield what stands among the blobs of a repository, incomplete files too."""
    return entries_below(repo.blobs, Role.BLOB, repo.folder.name)


def snapshot_entries(repo: CachedRepo, commit: str) -> Iterator[Entry]:
    """Yield what stands in one snapshot."""
    listing = repo.listing(commit)
    etags = {file.path: file.etag for file in listing.files} if listing else {}
    return entries_below(repo.snapshot(commit), Role.SNAPSHOT, repo.folder.name, commit, etags)


def artifact_entries(artifacts_dir: Path) -> Iterator[Entry]:
    """Yield what stands in an artifacts folder, with what the stamps of the models' folders tell."""
    yield from (_entry(artifacts_dir, name, st, Role.ARTIFACT) for name, st in walk_top(artifacts_dir))
    for folder in folders_in(artifacts_dir):
        if not folder.is_symlink():
            yield from model_folder_entries(folder)


def model_folder_entries(folder: Path) -> Iterator[Entry]:
    """Yield what stands in one folder of an artifacts folder."""
    if folder.name == QUARANTINE:
        return entries_below(folder, Role.QUARANTINE, folder.name)
    stamp = read_stamp(folder)
    etags = {path: file.etag for path, file in stamp.files.items()} if stamp else {}
    return entries_below(folder, Role.ARTIFACT, folder.name, stamp.commit if stamp else "", etags)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield what a snapshot or a model's folder holds for its reader: everything but folders and notes, sorted."""
    roles = (Role.NOTE, Role.INCOMPLETE)
    return (entry.path for entry in entries_below(folder, Role.ARTIFACT, folder.name) if entry.role not in roles)


SNAPSHOTS: Final = "snapshots"
_REPOSITORY_ROLES: Final = {
    "blobs": Role.BLOB,
    "refs": Role.REF,
    "trees": Role.LISTING,
    QUARANTINE: Role.QUARANTINE,
}
_CACHE_ROLES: Final = {"blobs": Role.SHARED_STORE, ".locks": Role.LOCK}


def entries_below(
    root: Path, role: Role, folder: str = "", commit: str = "", etags: Mapping[str, str] | None = None
) -> Iterator[Entry]:
    """Yield what stands below any folder, each name in the role that this folder gives it."""
    return (_entry(root, name, st, role, folder, commit, etags or {}) for name, st in walk(root))


def _entry(
    root: Path,
    name: str,
    st: os.stat_result,
    role: Role,
    folder: str = "",
    commit: str = "",
    etags: Mapping[str, str] = MappingProxyType({}),
) -> Entry:
    own = _role_of(name, role)
    by_name = name if own is Role.BLOB and is_etag(name) else None
    return Entry(root, name, st, own, folder, commit, by_name or etags.get(name))


def _role_of(name: str, role: Role) -> Role:
    """Tell apart what passes through a folder from what stands in it."""
    if role in (Role.BLOB, Role.SNAPSHOT, Role.ARTIFACT) and name.endswith((TEMPORARY_SUFFIX, COPY_SUFFIX)):
        return Role.TEMPORARY
    if role is Role.BLOB and name.endswith(INCOMPLETE_SUFFIX):
        return Role.INCOMPLETE
    if role is Role.ARTIFACT and (name == STAMP_NAME or name.startswith(f"{LOCAL_NOTES}/")):
        return Role.INCOMPLETE if name.endswith(INCOMPLETE_SUFFIX) else Role.NOTE
    return role
