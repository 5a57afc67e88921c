"""What a folder should hold: paths, sizes and hashes, wherever they are known from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from runbook_lib.cache.etags import is_sha256
from runbook_lib.cache.layout import ListedFile, Listing
from runbook_lib.cache.paths import is_safe_path

Algorithm = Literal["sha256", "git-sha1", "md5"]


@dataclass(frozen=True)
class ExpectedFile:
    """A file, its size and the one hash it is compared by."""

    path: str
    """Relative to the folder, with forward slashes."""
    size_bytes: int | None
    """None when only the hash is known."""
    algorithm: Algorithm
    digest: str
    etag: str
    """Name of the file's blob in a Hub cache."""

    @classmethod
    def of(cls, file: ListedFile) -> "ExpectedFile":
        """Take over what the Hub lists."""
        return cls.of_etag(file.path, file.etag, file.size_bytes)

    @classmethod
    def of_etag(cls, path: str, etag: str, size_bytes: int | None = None) -> "ExpectedFile":
        """Take the hash from an etag: SHA-256 for LFS files, git's blob id otherwise."""
        return cls(path, size_bytes, "sha256" if is_sha256(etag) else "git-sha1", etag, etag)

    @property
    def is_safe(self) -> bool:
        """Whether the path stays inside its folder, on every system."""
        return is_safe_path(self.path)


@dataclass(frozen=True)
class Expectation:
    """The files of one commit, and where that is known from."""

    commit: str
    files: tuple[ExpectedFile, ...]
    source: str

    @classmethod
    def of(cls, listing: Listing, source: str = "the listing") -> "Expectation":
        """Take over a listing of the Hub."""
        return cls(listing.commit, tuple(map(ExpectedFile.of, listing.files)), source)

    @property
    def size_bytes(self) -> int:
        """Sum of the sizes that are known."""
        return sum(file.size_bytes or 0 for file in self.files)

    def names(self) -> Iterable[str]:
        """Return the paths."""
        return (file.path for file in self.files)
