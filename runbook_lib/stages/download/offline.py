"""Offline, the cache has to say what a model consists of; where it cannot, the lock file stands in for it."""

from pathlib import Path

from runbook_lib.cache.inventory import files_below
from runbook_lib.cache.layout import CachedRepo, Listing
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import HubError
from runbook_lib.run.lock_file import LOCK_NAME, LockedRepository, lock_beside, read_lock

_ONLINE = "run stage download once online with the same models and cache (-p offline false)"
_LOCK = (
    f"Put the lock file of a machine where the model verifies here ({LOCK_NAME}, or -p lock_file PATH), which stands in"
    " for it and writes it"
)


def listing_offline(repo: CachedRepo, model: ModelRef, lock_file: str) -> tuple[Listing, bool]:
    """Return what the model consists of, and whether the lock file says so and the cache does not.

    Raises `HubError` saying which file the cache lacks, `RecordError` for a lock file that cannot be read.
    """
    listing = repo.listing(model.revision)
    if listing is not None:
        return listing, False
    path = lock_beside(lock_file)
    locked = _locked(path, model)
    commit = repo.commit_of(model.revision)
    if locked is not None and commit in (None, locked.commit) and repo.snapshot(locked.commit).is_dir():
        return locked.listing(model.revision), True
    raise _lacking(repo, model, commit, path, locked)


def _locked(path: Path | None, model: ModelRef) -> LockedRepository | None:
    """Return what the lock file says of the model, asked for by its revision or by the locked commit itself."""
    repositories = read_lock(path).repositories if path else ()
    asked = (repository for repository in repositories if repository.repo_id == model.repo_id)
    return next((entry for entry in asked if model.revision in (entry.revision, entry.commit)), None)


def _lacking(
    repo: CachedRepo, model: ModelRef, commit: str | None, path: Path | None, locked: LockedRepository | None
) -> HubError:
    """Say which of the files is missing that huggingface_hub needs to find a model offline."""
    snapshots = [snapshot.name for snapshot in repo.snapshots()]
    lock = _about_lock(path, locked, commit)
    if not snapshots:
        what, why = f"{model} is not in the cache {repo.cache_dir}.", "This run is offline, so the Hub cannot be asked."
        return HubError(what, why=why, remedy=f"{_ONLINE[0].upper()}{_ONLINE[1:]}, then offline.")
    if commit is None:
        return HubError(
            f"{model}: refs/{model.revision} is missing, which tells the commit that {model.revision} stands for.",
            why=f"Of {repo.repo_id} it holds {', '.join(name[:8] for name in snapshots)}.{lock}",
            remedy=f"Name the commit: -p models {repo.repo_id}@{snapshots[0]}. {_LOCK}. Or {_ONLINE}.",
        )
    if commit not in snapshots:
        return HubError(
            f"{model}: commit {commit[:8]} is not in the cache {repo.cache_dir}.",
            why=f"Of {repo.repo_id} it holds {', '.join(name[:8] for name in snapshots)}.{lock}",
            remedy=f"Name a commit that is there, or {_ONLINE}.",
        )
    count = sum(1 for _ in files_below(repo.snapshot(commit)))
    return HubError(
        f"{model}: the list of its files is missing: trees/{commit}.json.",
        why=f"{count} files of commit {commit[:8]} are here, and nothing tells whether these are all; huggingface_hub"
        f" 1.26 to 2.1 asks the network for the list even of a pinned commit.{lock}",
        remedy=f"{_LOCK}; copy trees/ and refs/ along with the cache; or {_ONLINE}.",
    )


def _about_lock(path: Path | None, locked: LockedRepository | None, commit: str | None) -> str:
    if path is None:
        return ""
    if locked is None:
        return f" {path.name} does not name this model."
    return f" {path.name} locks commit {locked.commit[:8]}, not {(commit or 'any that is here')[:8]}."
