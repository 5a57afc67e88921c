"""Finding what a cache holds more than once: equal length first, then the hash, each file read once."""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from runbook_lib.cache.disk_usage import allocated
from runbook_lib.cache.hashing import git_sha1_of
from runbook_lib.cache.layout import CachedRepo, cached_repos
from runbook_lib.stages.verify.hasher import Hasher
from runbook_lib.upkeep.dedupe.facts import DedupePlan, Replacement, Seen, Skipped, UnusedBlob
from runbook_lib.upkeep.dedupe.names import Name, leftovers_in, listed_etags, names_in, referenced_blobs

FileId = tuple[int, int]


def plan_dedupe(cache_dir: Path, artifacts_dir: Path | None = None) -> DedupePlan:
    """Find copies that can become hard links and blobs that nothing refers to; changes nothing.

    Within a repository every equal content is shared; beyond it, and with the artifacts folder, only LFS files are.
    Left alone are links, partial files and hub's store of shared blobs (`<cache>/blobs`, since 1.32), whose manifests
    are hub's business.
    """
    started = time.perf_counter()
    names = tuple(names_in(cache_dir, artifacts_dir))
    hashes, hashed_bytes = _hash_all(names)
    unused, kept_back = _unused_blobs(cache_dir, artifacts_dir, names, hashes)
    going = {blob.name.path for blob in unused}
    staying = tuple(name for name in names if name.path not in going)
    replacements = tuple(_replacements(staying, hashes))
    return DedupePlan(
        cache_dir=cache_dir,
        artifacts_dir=artifacts_dir,
        replacements=replacements,
        unused_blobs=unused,
        leftovers=leftovers_in(cache_dir, artifacts_dir),
        kept_back=kept_back,
        frees_bytes=_freed_bytes(names, going | {entry.name.path for entry in replacements}),
        hashed_bytes=hashed_bytes,
        elapsed_s=round(time.perf_counter() - started, 3),
    )


def _hash_all(names: Iterable[Name]) -> tuple[dict[FileId, str], int]:
    """Return the SHA-256 of every file that shares volume and length with another, and the bytes read for it."""
    by_length: dict[tuple[int, int], dict[FileId, Name]] = defaultdict(dict)
    for name in names:
        by_length[name.facts.st_dev, name.facts.st_size].setdefault(name.file_id, name)
    several = [name for files in by_length.values() if len(files) > 1 for name in files.values()]
    hasher = Hasher()
    keys = {name.file_id: hasher.order(name.path, name.facts, "sha256") for name in several}
    hasher.run()
    found: dict[FileId, str] = {}
    for file_id, key in keys.items():
        with suppress(OSError):  # not readable, or gone: nothing to share
            found[file_id] = hasher.hash_of(key)
    return found, hasher.ordered_bytes


def _replacements(names: Iterable[Name], hashes: dict[FileId, str]) -> Iterator[Replacement]:
    by_content: dict[tuple[int, str], list[Name]] = defaultdict(list)
    for name in names:
        if name.file_id in hashes:
            by_content[name.facts.st_dev, hashes[name.file_id]].append(name)
    for (_device, sha256), same in by_content.items():
        for group in _shareable(same):
            keeper = min(group, key=lambda name: (name.role == "artifact", name.facts.st_mtime_ns, name.path))
            for name in group:
                if name.file_id != keeper.file_id:
                    yield _replacement(name, keeper, sha256)


def _shareable(same: list[Name]) -> Iterator[list[Name]]:
    """Split names of one content into those that may share it: weights all, other files within their repository."""
    if any(name.is_weights for name in same):
        yield same
        return
    by_folder: dict[str, list[Name]] = defaultdict(list)
    for name in same:
        by_folder[name.folder].append(name)
    yield from by_folder.values()


def _replacement(name: Name, keeper: Name, sha256: str) -> Replacement:
    return Replacement(
        name=Seen.of(name.path, name.facts),
        keeper=Seen.of(keeper.path, keeper.facts),
        repo_folder="" if name.role == "artifact" else name.folder,
        etag=name.etag or (sha256 if name.is_weights else git_sha1_of(name.path)),
    )


def _unused_blobs(
    cache_dir: Path, artifacts_dir: Path | None, names: tuple[Name, ...], hashes: dict[FileId, str]
) -> tuple[tuple[UnusedBlob, ...], tuple[Skipped, ...]]:
    found: list[UnusedBlob] = []
    kept_back: list[Skipped] = []
    for repo in cached_repos(cache_dir):
        own = [name for name in names if name.folder == repo.folder.name and name.role != "artifact"]
        unused = tuple(_unused_in(repo, artifacts_dir, own, hashes))
        if partial := len(repo.leftovers()):
            reason = f"{partial} partial files beside it: a download may be going on; hf cache prune removes old ones"
            kept_back += [Skipped(path=blob.name.path, reason=reason) for blob in unused]
        else:
            found += unused
    return tuple(found), tuple(kept_back)


def _unused_in(
    repo: CachedRepo, artifacts_dir: Path | None, own: list[Name], hashes: dict[FileId, str]
) -> Iterator[UnusedBlob]:
    """Yield the blobs of a repository that may go: a snapshot holds their content, or no listing knows them.

    A blob that a listing names and no snapshot holds is what an interrupted download goes on from.
    """
    blobs = [name for name in own if name.role == "blob"]
    if not blobs:
        return
    referenced = referenced_blobs(repo, artifacts_dir)
    etags = listed_etags(repo)
    for blob in blobs:
        if os.path.realpath(blob.path) in referenced:
            continue
        twin = next((name for name in own if name.role == "snapshot" and _same_content(blob, name, hashes)), None)
        if twin is not None or (etags is not None and blob.etag not in etags):
            seen_twin = Seen.of(twin.path, twin.facts) if twin else None
            yield UnusedBlob(name=Seen.of(blob.path, blob.facts), repo_folder=repo.folder.name, twin=seen_twin)


def _same_content(one: Name, other: Name, hashes: dict[FileId, str]) -> bool:
    if one.file_id == other.file_id:
        return True
    return one.file_id in hashes and hashes[one.file_id] == hashes.get(other.file_id)


def _freed_bytes(names: tuple[Name, ...], going: set[Path]) -> int:
    """Count the files that lose their last name."""
    lost = Counter(name.file_id for name in names if name.path in going)
    files = {name.file_id: name.facts for name in names}
    return sum(allocated(facts) for file_id, facts in files.items() if lost[file_id] >= facts.st_nlink)
