"""Plans or carries out the deletion of revisions from a cache, with huggingface_hub's own strategy.

The strategy is asked about one repository at a time. It goes by commit hash alone and takes the first repository of an
unordered set that has it, and a renamed or duplicated repository has the hashes of the other (1.33 and 2.4).

Works with huggingface_hub 0.25 to 2.x.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Iterator


def run(request: dict[str, Any], _emit: Callable[..., None]) -> dict[str, Any]:
    """Return what goes with these `revisions`, pairs of repository and commit; delete it when `execute` says so."""
    from huggingface_hub import scan_cache_dir

    wanted = [(repo_id, commit) for repo_id, commit in request["revisions"]]
    cache = scan_cache_dir(request["cache_dir"])
    strategies = list(strategies_for(cache, wanted))
    going = [path for one in strategies for path in (*one.repos, *one.snapshots, *one.refs, *one.blobs)]
    if request["execute"]:
        for strategy in strategies:
            strategy.execute()
    return {
        "paths": sorted(map(str, going)),
        "unknown": [list(pair) for pair in wanted if pair not in set(known_revisions(cache))],
    }


def known_revisions(cache: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - an HFCacheInfo
    """Yield the repository and commit of every model revision that could be read."""
    for repo in cache.repos:
        if repo.repo_type == "model":
            yield from ((repo.repo_id, revision.commit_hash) for revision in repo.revisions)


def strategies_for(cache: Any, wanted: list[tuple[str, str]]) -> Iterator[Any]:  # noqa: ANN401 - an HFCacheInfo
    """Yield a deletion strategy for each repository that holds some of the wanted revisions."""
    for repo in cache.repos:
        known = {revision.commit_hash for revision in repo.revisions}
        commits = [commit for repo_id, commit in wanted if repo_id == repo.repo_id and commit in known]
        if repo.repo_type == "model" and commits:
            yield replace(cache, repos=frozenset({repo})).delete_revisions(*commits)
