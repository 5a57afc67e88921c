"""What the practice hub serves: repositories with commits, files and refs, identified as git does."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from runbook_lib.errors import SettingsError
from runbook_lib.practice.content import Content

Head = Literal["first", "second"]
HEADS: tuple[Head, ...] = ("first", "second")

_AUTHOR = "Practice Hub <practice@localhost>"
_SHORTEST_REVISION = 7


@dataclass(frozen=True)
class RepositoryFile:
    """One file of a commit; `lfs` says whether the Hub would keep it in Git LFS."""

    path: str
    content: Content
    lfs: bool = False

    @property
    def size_bytes(self) -> int:
        """Size of the file itself, not of its LFS pointer."""
        return self.content.size_bytes

    @cached_property
    def pointer(self) -> bytes:
        """The LFS pointer that git keeps in place of the file (git-lfs specification, version 1)."""
        lines = (
            "version https://git-lfs.github.com/spec/v1",
            f"oid sha256:{self.content.sha256}",
            f"size {self.size_bytes}",
        )
        return "".join(f"{line}\n" for line in lines).encode()

    @property
    def git_oid(self) -> str:
        """Blob id in the git tree: of the pointer for an LFS file."""
        return Content.of_bytes(self.pointer).git_oid if self.lfs else self.content.git_oid

    @property
    def etag(self) -> str:
        """What the Hub sends as the file's ETag: sha256 for an LFS file, else the git blob id."""
        return self.content.sha256 if self.lfs else self.git_oid


@dataclass(frozen=True)
class Commit:
    """One revision of a repository; its id follows from its content alone."""

    files: tuple[RepositoryFile, ...]
    title: str
    date: datetime
    parent_id: str | None = None

    @cached_property
    def id(self) -> str:
        """The git commit id."""
        stamp = f"{_AUTHOR} {int(self.date.timestamp())} +0000"
        parent = [f"parent {self.parent_id}"] if self.parent_id else []
        lines = [f"tree {self.folder_oids['']}", *parent, f"author {stamp}", f"committer {stamp}", "", self.title]
        return _git_oid("commit", "".join(f"{line}\n" for line in lines).encode())

    @cached_property
    def by_path(self) -> Mapping[str, RepositoryFile]:
        """The files by their path."""
        return MappingProxyType({file.path: file for file in self.files})

    @cached_property
    def folder_oids(self) -> Mapping[str, str]:
        """The git tree id of every folder; the root is the empty path."""
        return MappingProxyType(_folder_oids(self.files))


@dataclass(frozen=True)
class Repository:
    """A model repository with its history, oldest commit first, and its tags."""

    repo_id: str
    commits: tuple[Commit, ...]
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Tag -> commit id; the tags in `tags_at_head` come on top."""
    tags_at_head: tuple[str, ...] = ()
    head_index: int = -1

    @property
    def head(self) -> Commit:
        """The commit `main` points to."""
        return self.commits[self.head_index]

    def at_head(self, head: Head) -> "Repository":
        """Return the same repository with `main` and its moving tags on another commit.

        Raises:
            SettingsError: `head` is neither `first` nor `second`.
        """
        if head not in HEADS:
            raise SettingsError(f"The practice hub knows no head '{head}'.", remedy="Use one of: first, second.")
        return replace(self, head_index=HEADS.index(head) if len(self.commits) > 1 else 0)

    @property
    def all_tags(self) -> Mapping[str, str]:
        """Tag -> commit id."""
        return {**self.tags, **dict.fromkeys(self.tags_at_head, self.head.id)}

    def resolve(self, revision: str) -> Commit | None:
        """Return the commit of a branch, a tag, or a commit id of at least seven digits; None when unknown."""
        revision = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        wanted = {"main": self.head.id, **self.all_tags}.get(revision, revision)
        if len(wanted) < _SHORTEST_REVISION:
            return None
        matches = [commit for commit in self.commits if commit.id.startswith(wanted)]
        return matches[0] if len(matches) == 1 else None

    def last_change(self, commit: Commit, path: str) -> Commit:
        """Return the commit, at or before `commit`, that gave the file its present content."""
        oid = commit.by_path[path].git_oid
        for candidate in self.commits[: self.commits.index(commit) + 1]:
            file = candidate.by_path.get(path)
            if file is not None and file.git_oid == oid:
                return candidate
        return commit


def linear_history(repo_id: str, *trees: tuple[RepositoryFile, ...], tags_at_head: tuple[str, ...] = ()) -> Repository:
    """Return a repository whose commits hold `trees` one after the other, with the last as its head.

    The tag `previous` names the first commit and `latest` the last.
    """
    commits: list[Commit] = []
    for number, files in enumerate(trees, start=1):
        parent_id = commits[-1].id if commits else None
        date = datetime(2025, 1, number, tzinfo=UTC)
        commits.append(Commit(files, f"Practice revision {number}", date, parent_id))
    tags = {"previous": commits[0].id, "latest": commits[-1].id}
    return Repository(repo_id, tuple(commits), tags, tags_at_head)


def _git_oid(kind: str, body: bytes) -> str:
    # git's own object id; it identifies, it protects nothing
    return hashlib.sha1(f"{kind} {len(body)}\0".encode() + body, usedforsecurity=False).hexdigest()


def _folder_oids(files: tuple[RepositoryFile, ...]) -> dict[str, str]:
    """Return the git tree ids of all folders, deepest first hashed, as `git write-tree` does."""
    entries: dict[str, dict[str, tuple[str, str]]] = {"": {}}
    for file in files:
        folder, _, name = file.path.rpartition("/")
        entries.setdefault(folder, {})[name] = ("100644", file.git_oid)
        while folder:
            folder = folder.rpartition("/")[0]
            entries.setdefault(folder, {})
    oids: dict[str, str] = {}
    for folder in sorted(entries, key=lambda path: path.count("/") + bool(path), reverse=True):
        oids[folder] = _tree_oid(entries[folder])
        if folder:
            parent, _, name = folder.rpartition("/")
            entries[parent][name] = ("40000", oids[folder])
    return oids


def _tree_oid(entries: Mapping[str, tuple[str, str]]) -> str:
    # git sorts a folder as if its name ended in a slash
    ordered = sorted(entries.items(), key=lambda item: item[0] + "/" * (item[1][0] == "40000"))
    body = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for name, (mode, oid) in ordered)
    return _git_oid("tree", body)
