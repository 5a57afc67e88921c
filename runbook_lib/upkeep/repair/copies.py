"""Intact copies of what is damaged, wherever they stand on this machine, before the network is asked."""

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from runbook_lib.cache.etags import is_sha256
from runbook_lib.cache.hashing import git_sha1_of, sha256_of
from runbook_lib.cache.inventory import Role
from runbook_lib.cache.layout import ListedFile, Listing, repo_of
from runbook_lib.cache.link_mode import LinkMode
from runbook_lib.cache.locks import blob_lock, hold
from runbook_lib.cache.sharing import exchange
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.stages.verify.expected import Expectation, ExpectedFile
from runbook_lib.upkeep.repair.facts import Copy
from runbook_lib.upkeep.repair.names import Territory

_LOCK_LIMIT_S: Final = 60.0
_HOLDING_CONTENT: Final = frozenset({Role.BLOB, Role.SNAPSHOT, Role.SHARED_STORE, Role.ARTIFACT})


@dataclass
class IntactCopies:
    """The files of cache and artifacts folder as places to take a content from; each is read at most once."""

    territory: Territory
    going: frozenset[Path]
    """What repair moves aside; every name of such a file is as bad."""
    _hashes: dict[tuple[Path, int], str] = field(default_factory=dict)

    def of(self, file: ExpectedFile) -> Path | None:
        """Return a file that holds the content, by its hash; those in the cache first, as they can be shared."""
        if file.size_bytes is None:
            return None
        same_length = self._by_length.get(file.size_bytes, [])
        return next((path for path in same_length if self._hash(path, file.digest) == file.digest), None)

    @cached_property
    def _by_length(self) -> dict[int, list[Path]]:
        bad = {(facts.st_dev, facts.st_ino) for path in self.going if (facts := _facts(path))}
        found: dict[int, list[Path]] = defaultdict(list)
        for entry in self.territory.files():
            if entry.is_file and entry.role in _HOLDING_CONTENT and entry.file_id not in bad:
                found[entry.st.st_size].append(entry.path)
        return found

    def _hash(self, path: Path, like: str) -> str:
        key = (path, len(like))
        if key not in self._hashes:
            self._hashes[key] = ""
            with suppress(OSError):
                self._hashes[key] = sha256_of(path) if is_sha256(like) else git_sha1_of(path)
        return self._hashes[key]


def _facts(path: Path) -> os.stat_result | None:
    with suppress(OSError):
        facts = path.lstat()
        return facts if stat.S_ISREG(facts.st_mode) else None
    return None


def copies_for(
    model: ModelRef, expectation: Expectation, names: Iterable[str], intact: IntactCopies
) -> Iterator[Copy | None]:
    """Yield, for each damaged or missing file of a snapshot, the copy that repairs it; None where there is none."""
    files = {file.path: file for file in expectation.files}
    for name in names:
        file = files.get(name)
        source = intact.of(file) if file else None
        yield (
            Copy(model=model, commit=expectation.commit, path=name, etag=file.etag, source=source)
            if file and source
            else None
        )


def listing_for(model: ModelRef, expectation: Expectation) -> Listing | None:
    """Return what is expected as the listing it came from; None when a size is not known."""
    files = []
    for file in expectation.files:
        if file.size_bytes is None:
            return None
        sha256, git_sha1 = (file.etag, "") if is_sha256(file.etag) else (None, file.etag)
        files.append(ListedFile(path=file.path, size_bytes=file.size_bytes, git_sha1=git_sha1, sha256=sha256))
    return Listing(repo_id=model.repo_id, revision=model.revision, commit=expectation.commit, files=tuple(files))


def put_copy(cache_dir: Path, copy: Copy, mode: LinkMode) -> None:
    """Let the snapshot hold the content of the copy, as huggingface_hub would have put it there.

    What still stands there, because it could not be moved aside, stays. Raises `OSError`, or `DiskError` while
    huggingface_hub holds the lock of this content.
    """
    repo = repo_of(cache_dir, copy.model)
    name, blob = repo.snapshot(copy.commit) / copy.path, repo.blobs / copy.etag
    in_cache = copy.source.is_relative_to(Path(os.path.realpath(cache_dir)))
    with hold(blob_lock(cache_dir, repo.folder.name, copy.etag), f"a download of {name.name}", limit_s=_LOCK_LIMIT_S):
        if mode is not LinkMode.SYMLINK:
            if not os.path.lexists(name):
                exchange(copy.source, name, clones=True, hard_links=in_cache)
            return
        if not os.path.lexists(blob):
            exchange(copy.source, blob, clones=True, hard_links=in_cache)
        if not os.path.lexists(name):
            name.parent.mkdir(parents=True, exist_ok=True)
            name.symlink_to(os.path.relpath(blob, name.parent))
