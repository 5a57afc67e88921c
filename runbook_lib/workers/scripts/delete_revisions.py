"""Plans or carries out the deletion of revisions from a cache, with huggingface_hub's own strategy.

Works with huggingface_hub 0.25 to 2.x.
"""

from __future__ import annotations

from typing import Any, Callable


def run(request: dict[str, Any], _emit: Callable[..., None]) -> dict[str, Any]:
    """Return the files and folders that go with these `commits`; delete them when `execute` says so."""
    from huggingface_hub import scan_cache_dir

    cache = scan_cache_dir(request["cache_dir"])
    known = {revision.commit_hash for repo in cache.repos for revision in repo.revisions}
    strategy = cache.delete_revisions(*(commit for commit in request["commits"] if commit in known))
    going = (*strategy.repos, *strategy.snapshots, *strategy.refs, *strategy.blobs)
    if request["execute"]:
        strategy.execute()
    return {
        "paths": sorted(map(str, going)),
        "unknown": [commit for commit in request["commits"] if commit not in known],
    }
