"""How far the files of a download have come, seen from outside: by what stands in the cache."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.cache.incomplete_files import in_repository
from runbook_lib.cache.layout import CachedRepo, ListedFile, Listing


@dataclass(frozen=True)
class Arrival:
    """One file of a listing and how much of it is here."""

    path: str
    size_bytes: int
    arrived_bytes: int

    @property
    def is_whole(self) -> bool:
        """Whether the file stands here in its full length; its content is not looked at."""
        return self.arrived_bytes >= self.size_bytes


def arrivals(repo: CachedRepo, listing: Listing) -> tuple[Arrival, ...]:
    """Return every file of the listing, in its order, with the bytes that have arrived."""
    incomplete = _incomplete_bytes(repo)
    return tuple(
        Arrival(file.path, file.size_bytes, min(_arrived(repo, listing.commit, file, incomplete), file.size_bytes))
        for file in listing.files
    )


def _arrived(repo: CachedRepo, commit: str, file: ListedFile, incomplete: dict[str, int]) -> int:
    standing = _sizes(repo.snapshot(commit) / file.path, repo.blobs / file.etag)
    return max(standing, default=incomplete.get(file.etag, 0))


def _incomplete_bytes(repo: CachedRepo) -> dict[str, int]:
    """Return the length of the longest incomplete file of each blob."""
    found: dict[str, int] = {}
    for file in in_repository(repo):
        found[file.etag] = max(found.get(file.etag, 0), file.size_bytes)
    return found


def _sizes(*paths: Path) -> Iterator[int]:
    for path in paths:
        with suppress(OSError):  # not there yet, or moved just now
            yield path.stat().st_size
