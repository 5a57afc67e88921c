"""What stands on this machine already, by content: a name and a length are not enough to leave a file alone."""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from runbook_lib.bundle.read import WantedBlob
from runbook_lib.cache.hashing import etag_of, sha256_of
from runbook_lib.cache.layout import CachedRepo, ListedFile, Listing
from runbook_lib.stages.verify.expected import ExpectedFile
from runbook_lib.upkeep.repair.copies import IntactCopies
from runbook_lib.upkeep.repair.names import Territory


@dataclass
class Standing:
    """A cache and an artifacts folder, whose contents are read when they are asked for, once."""

    cache_dir: Path
    artifacts_dir: Path
    _seen: dict[tuple[str, str], bool] = field(default_factory=dict)

    def absent(self, repo: CachedRepo, listing: Listing) -> tuple[ListedFile, ...]:
        """Return the files of a listing that do not stand in their snapshot with their content."""
        snapshot = repo.snapshot(listing.commit)
        return tuple(file for file in listing.files if not self.is_intact(snapshot / file.path, file))

    def is_intact(self, path: Path, file: ListedFile) -> bool:
        """Whether a path leads to the content of a file, inside this cache."""
        real = _real(path)
        if real is None or not real.is_relative_to(_real(self.cache_dir) or self.cache_dir):
            return False
        key = (str(real), file.etag)
        if key not in self._seen:
            self._seen[key] = False
            with suppress(OSError):
                self._seen[key] = real.stat().st_size == file.size_bytes and etag_of(real, file.etag) == file.etag
        return self._seen[key]

    def forget(self, path: Path) -> None:
        """Look at a path again: something else stands there now."""
        real = str(_real(path))
        self._seen = {key: seen for key, seen in self._seen.items() if key[0] != real}

    def copy_of(self, blob: WantedBlob) -> Path | None:
        """Return a file of cache or artifacts folder that holds a content; None when there is none."""
        etag = blob.git_sha1 or blob.sha256
        return self._copies.of(ExpectedFile.of_etag(blob.name, etag, blob.size_bytes))

    @cached_property
    def _copies(self) -> IntactCopies:
        return IntactCopies(Territory.of(self.cache_dir, self.artifacts_dir), frozenset())


def holds(path: Path, sha256: str) -> bool:
    """Whether a file stands where it belongs, with its content."""
    with suppress(OSError):
        return path.is_file() and sha256_of(path) == sha256
    return False


def _real(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError):  # missing, or a loop of links
        return None
