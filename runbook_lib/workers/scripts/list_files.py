"""Asks the Hub which files a revision holds: commit, paths, sizes and hashes."""

from __future__ import annotations

from typing import Any, Callable

from transient import retried  # type: ignore[import-not-found]  # workers run with their own folder on sys.path


def run(request: dict[str, Any], _emit: Callable[..., None]) -> dict[str, Any]:
    """Return the commit and the files of one repository; sizes in bytes, `sha256` only for LFS files."""
    listed: dict[str, Any] = retried(lambda: list_files(request))
    return listed


def list_files(request: dict[str, Any]) -> dict[str, Any]:
    """Ask once."""
    from huggingface_hub import HfApi

    api = HfApi()
    info = api.model_info(request["repo_id"], revision=request["revision"], timeout=request["timeout_s"])
    entries: Any = api.list_repo_tree(request["repo_id"], revision=info.sha, recursive=True)
    files = [
        {
            "path": entry.path,
            "size_bytes": entry.size,
            "git_sha1": entry.blob_id,
            "sha256": entry.lfs.sha256 if entry.lfs else None,
        }
        for entry in entries
        if hasattr(entry, "size")  # folders have none
    ]
    return {"commit": info.sha, "files": files}
