"""Asks the Hub which files a revision holds: commit, paths, sizes and hashes."""

from __future__ import annotations

from typing import Any, Callable


def run(request: dict[str, Any], emit: Callable[..., None]) -> dict[str, Any]:
    """Return the commit and the files of one repository; sizes in bytes, `sha256` only for LFS files."""
    from arrivals import told  # type: ignore[import-not-found]  # a module of this folder
    from huggingface_hub import HfApi

    with told(emit):
        return listed(HfApi(), request)


def listed(api: Any, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Ask for the commit, then for its files."""
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
