"""The JSON that the Hub answers with, as huggingface_hub 1.33 (`hf_api.py`) reads it."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from runbook_lib.core.practice_mark import METADATA_KEY
from runbook_lib.practice.repository import Commit, Repository, RepositoryFile

Json = dict[str, Any]


def model_info(repository: Repository, commit: Commit, *, blobs: bool, expand: Collection[str]) -> Json:
    """Return the description of a repository at a commit; with `expand`, only these properties."""
    info: Json = {
        "_id": repository.commits[0].id[:24],
        "id": repository.repo_id,
        "modelId": repository.repo_id,
        "author": repository.repo_id.partition("/")[0],
        "sha": commit.id,
        "lastModified": _timestamp(commit.date),
        "createdAt": _timestamp(repository.commits[0].date),
        "private": False,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "library_name": "docling",
        "tags": ["docling", "safetensors", "license:apache-2.0", METADATA_KEY],
        "siblings": [_sibling(file, blobs=blobs) for file in commit.files],
        "usedStorage": sum(file.size_bytes for file in commit.files),
    }
    if not expand:
        return info
    return {name: value for name, value in info.items() if name in {"_id", "id", *expand}}


def tree(repository: Repository, commit: Commit, folder: str, *, recursive: bool, expand: bool) -> list[Json] | None:
    """Return the entries below a folder; None when there is no such folder."""
    if folder not in commit.folder_oids:
        return None
    prefix = f"{folder}/" if folder else ""
    paths = [path for path in (*commit.folder_oids, *commit.by_path) if path and path.startswith(prefix)]
    shown = [path for path in paths if recursive or "/" not in path.removeprefix(prefix)]
    return list(paths_info(repository, commit, sorted(shown), expand=expand))


def paths_info(repository: Repository, commit: Commit, paths: Collection[str], *, expand: bool) -> Iterator[Json]:
    """Yield the entries of those of the paths that exist."""
    for path in paths:
        if path in commit.by_path:
            last = repository.last_change(commit, path) if expand else None
            yield _file_entry(commit.by_path[path], last)
        elif path and path in commit.folder_oids:
            yield {"type": "directory", "oid": commit.folder_oids[path], "size": 0, "path": path}


def refs(repository: Repository) -> Json:
    """Return the branches and tags."""
    tags = [_ref("tags", name, target) for name, target in sorted(repository.all_tags.items())]
    branches = [_ref("heads", "main", repository.head.id)]
    return {"branches": branches, "converts": [], "tags": tags, "pullRequests": []}


def user() -> Json:
    """Return what `/api/whoami-v2` says of any token that is accepted."""
    token = {"accessToken": {"displayName": "practice", "role": "read"}, "type": "access_token"}
    return {"type": "user", "id": "0", "name": "practice", "fullname": "Practice User", "orgs": [], "auth": token}


def _sibling(file: RepositoryFile, *, blobs: bool) -> Json:
    if not blobs:
        return {"rfilename": file.path}
    sibling: Json = {"rfilename": file.path, "blobId": file.git_oid, "size": file.size_bytes}
    if file.lfs:
        sibling["lfs"] = {"sha256": file.etag, "size": file.size_bytes, "pointerSize": len(file.pointer)}
    return sibling


def _file_entry(file: RepositoryFile, last_change: Commit | None) -> Json:
    entry: Json = {"type": "file", "oid": file.git_oid, "size": file.size_bytes, "path": file.path}
    if file.lfs:
        entry["lfs"] = {"oid": file.etag, "size": file.size_bytes, "pointerSize": len(file.pointer)}
    if last_change is not None:
        date = _timestamp(last_change.date)
        entry["lastCommit"] = {"id": last_change.id, "title": last_change.title, "date": date}
        entry["securityFileStatus"] = {"status": "safe", "avScan": None, "pickleImportScan": None}
    return entry


def _ref(kind: str, name: str, target: str) -> Json:
    return {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": target}


def _timestamp(date: datetime) -> str:
    return date.strftime("%Y-%m-%dT%H:%M:%S.000Z")
