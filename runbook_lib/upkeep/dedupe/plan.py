"""Finding what a cache holds more than once: equal length first, then the hash, each file read once."""

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from runbook_lib.cache.disk_usage import FileId, freed_bytes
from runbook_lib.cache.hashing import git_sha1_of
from runbook_lib.cache.incomplete_files import in_repository
from runbook_lib.cache.inventory import Entry, Role, inventory
from runbook_lib.cache.layout import CachedRepo, cached_repos
from runbook_lib.cache.local_notes import is_written_by_hub
from runbook_lib.cache.reflinks import shared_blocks
from runbook_lib.cache.sharing import shares_without_links
from runbook_lib.stages.verify.hasher import Hasher
from runbook_lib.upkeep.dedupe.facts import DedupePlan, Replacement, Seen, Skipped, UnusedBlob
from runbook_lib.upkeep.dedupe.names import listed_etags, shareable, targets_of
from runbook_lib.upkeep.dedupe.volumes import Volumes


def plan_dedupe(cache_dir: Path, artifacts_dir: Path | None = None) -> DedupePlan:
    """Find copies that can become hard links and blobs that nothing refers to; changes nothing.

    Within a repository every equal content is shared; beyond it, and with the artifacts folder, only LFS files are.
    Left alone are links, incomplete files and hub's store of shared blobs (`<cache>/blobs`, since 1.32), whose
    manifests are hub's business; also what no hard link can be made of, and a container's lower layers.
    """
    started = time.perf_counter()
    entries = tuple(inventory(cache_dir, artifacts_dir))
    names = tuple(shareable(entries))
    hashes, hashed_bytes = _hash_all(names)
    unused, kept_back = _unused_blobs(cache_dir, entries, names, hashes)
    going = {blob.name.path for blob in unused}
    staying = tuple(name for name in names if name.path not in going)
    volumes = Volumes.of(cache_dir, artifacts_dir)
    sharing = tuple(_sharing(staying, artifacts_dir))
    wanted = tuple(_replacements(sharing, hashes))
    linkable = (name for name in sharing if not volumes.against_linking(name.path)) if wanted else ()
    replacements = tuple(_replacements(linkable, hashes))
    going |= {entry.name.path for entry in replacements}
    leftovers = tuple(entry for entry in entries if entry.role is Role.TEMPORARY)
    return DedupePlan(
        cache_dir=cache_dir,
        artifacts_dir=artifacts_dir,
        replacements=replacements,
        unused_blobs=unused,
        leftovers=tuple(entry.path for entry in leftovers),
        kept_back=(*kept_back, *_refused(volumes, replacements, wanted)),
        frees_bytes=freed_bytes(
            (*(name.st for name in names if name.path in going), *(entry.st for entry in leftovers)),
        ),
        hashed_bytes=hashed_bytes,
        elapsed_s=round(time.perf_counter() - started, 3),
    )


def _hash_all(names: Iterable[Entry]) -> tuple[dict[FileId, str], int]:
    """Return the SHA-256 of every file that shares volume and length with another, and the bytes read for it."""
    by_length: dict[tuple[int, int], dict[FileId, Entry]] = defaultdict(dict)
    for name in names:
        by_length[name.st.st_dev, name.st.st_size].setdefault(name.file_id, name)
    several = [name for files in by_length.values() if len(files) > 1 for name in files.values()]
    hasher = Hasher()
    keys = {name.file_id: hasher.order(name.path, name.st, "sha256") for name in several}
    hasher.run()
    found: dict[FileId, str] = {}
    for file_id, key in keys.items():
        with suppress(OSError):  # not readable, or gone: nothing to share
            found[file_id] = hasher.hash_of(key)
    return found, hasher.ordered_bytes


def _sharing(names: tuple[Entry, ...], artifacts_dir: Path | None) -> Iterator[Entry]:
    """Yield the names that may share: no hard link goes to a folder that huggingface_hub writes to itself."""
    open_to_links: dict[str, bool] = {}
    for name in names:
        if name.role is Role.ARTIFACT and artifacts_dir and name.folder not in open_to_links:
            folder = artifacts_dir / name.folder
            open_to_links[name.folder] = not is_written_by_hub(folder) or shares_without_links(folder)
        if name.role is not Role.ARTIFACT or open_to_links.get(name.folder, True):
            yield name


def _is_one_on_disk(one: Entry, other: Entry) -> bool:
    """Whether two files share all their blocks."""
    blocks = shared_blocks(one.path)
    return bool(blocks) and blocks == shared_blocks(other.path)


def _replacements(names: Iterable[Entry], hashes: dict[FileId, str]) -> Iterator[Replacement]:
    by_content: dict[tuple[int, str], list[Entry]] = defaultdict(list)
    for name in names:
        if name.file_id in hashes:
            by_content[name.st.st_dev, hashes[name.file_id]].append(name)
    for (_device, sha256), same in by_content.items():
        for group in _shareable(same):
            keeper = min(group, key=lambda name: (name.role is Role.ARTIFACT, name.st.st_mtime_ns, name.path))
            for name in group:
                if name.file_id != keeper.file_id and not _is_one_on_disk(name, keeper):
                    yield _replacement(name, keeper, sha256)


def _refused(volumes: Volumes, planned: tuple[Replacement, ...], wanted: tuple[Replacement, ...]) -> Iterator[Skipped]:
    """Yield the names that would be shared, were it not for their file system."""
    replaced = {entry.name.path for entry in planned}
    for entry in wanted:
        if entry.name.path not in replaced:
            reason = volumes.against_linking(entry.name.path) or volumes.against_linking(entry.keeper.path)
            yield Skipped(path=entry.name.path, reason=reason)


def _shareable(same: list[Entry]) -> Iterator[list[Entry]]:
    """Split names of one content into those that may share it: weights all, other files within their repository."""
    if any(name.is_weights for name in same):
        yield same
        return
    by_folder: dict[str, list[Entry]] = defaultdict(list)
    for name in same:
        by_folder[name.folder].append(name)
    yield from by_folder.values()


def _replacement(name: Entry, keeper: Entry, sha256: str) -> Replacement:
    return Replacement(
        name=Seen.of(name.path, name.st),
        keeper=Seen.of(keeper.path, keeper.st),
        repo_folder="" if name.role is Role.ARTIFACT else name.folder,
        etag=name.etag or (sha256 if name.is_weights else git_sha1_of(name.path)),
    )


def _unused_blobs(
    cache_dir: Path, entries: tuple[Entry, ...], names: tuple[Entry, ...], hashes: dict[FileId, str]
) -> tuple[tuple[UnusedBlob, ...], tuple[Skipped, ...]]:
    found: list[UnusedBlob] = []
    kept_back: list[Skipped] = []
    referenced, volumes = targets_of(entries), Volumes.of(cache_dir)
    for repo in cached_repos(cache_dir):
        own = [name for name in names if name.folder == repo.folder.name and name.role is not Role.ARTIFACT]
        unused = tuple(_unused_in(repo, referenced, own, hashes))
        refused = {blob.name.path: volumes.against_removing(blob.name.path) for blob in unused}
        kept_back += [Skipped(path=path, reason=reason) for path, reason in refused.items() if reason]
        unused = tuple(blob for blob in unused if not refused[blob.name.path])
        if incomplete := len(in_repository(repo)):
            beside = f"{incomplete} incomplete files beside it: a download may be going on"
            reason = f"{beside}; runbook doctor --fix removes old ones"
            kept_back += [Skipped(path=blob.name.path, reason=reason) for blob in unused]
        else:
            found += unused
    return tuple(found), tuple(kept_back)


def _unused_in(
    repo: CachedRepo, referenced: frozenset[str], own: list[Entry], hashes: dict[FileId, str]
) -> Iterator[UnusedBlob]:
    """Yield the blobs of a repository that may go: a snapshot holds their content, or no listing knows them.

    A blob that a listing names and no snapshot holds is what an interrupted download goes on from.
    """
    blobs = [name for name in own if name.role is Role.BLOB]
    if not blobs:
        return
    etags = listed_etags(repo)
    for blob in blobs:
        if os.path.realpath(blob.path) in referenced:
            continue
        twin = next((name for name in own if name.role is Role.SNAPSHOT and _same_content(blob, name, hashes)), None)
        if twin is not None or (etags is not None and blob.etag not in etags):
            seen_twin = Seen.of(twin.path, twin.st) if twin else None
            yield UnusedBlob(name=Seen.of(blob.path, blob.st), repo_folder=repo.folder.name, twin=seen_twin)


def _same_content(one: Entry, other: Entry, hashes: dict[FileId, str]) -> bool:
    if one.file_id == other.file_id:
        return True
    return one.file_id in hashes and hashes[one.file_id] == hashes.get(other.file_id)
