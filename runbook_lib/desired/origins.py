"""Where converging takes contents from: the Hub or a mirror of it, a bundle, or the cache of a peer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from runbook_lib.bundle.documents import BundleConfig
from runbook_lib.bundle.media_types import LAYOUT_FILE
from runbook_lib.bundle.names import refused
from runbook_lib.bundle.read import Bundle, open_bundle
from runbook_lib.bundle.sources import Opened, opened_source
from runbook_lib.cache.hashing import open_regular
from runbook_lib.cache.layout import cached_repos, repo_of
from runbook_lib.core.masking import mask_url_credentials
from runbook_lib.errors import UsageError
from runbook_lib.run.lock_file import LockFile

HUB: Final = "hub"
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)


class Kind(StrEnum):
    """What an origin is."""

    HUB = "hub"
    """The Hub, a mirror, or a peer that speaks the Hub's protocol."""
    BUNDLE = "bundle"
    """A bundle: a folder, a file, its parts, or under a tag in a registry."""
    PEER = "peer"
    """Another machine's Hub cache: a folder that this one can read."""


@dataclass(frozen=True)
class Origin:
    """One place, as a person named it."""

    text: str
    kind: Kind

    @property
    def words(self) -> str:
        """How it is shown."""
        names = {Kind.HUB: "mirror", Kind.BUNDLE: "bundle", Kind.PEER: "cache of a peer"}
        return (
            "the Hub of the settings" if self.text == HUB else f"{names[self.kind]} {mask_url_credentials(self.text)}"
        )


def origin_of(text: str) -> Origin:
    """Tell by its form what an origin is; raises `UsageError` for a path where nothing of the kind stands."""
    if text == HUB or _WEB.match(text):
        return Origin(text, Kind.HUB)
    path = Path(text)
    if path.is_dir() and not (path / LAYOUT_FILE).exists():
        if any(cached_repos(path)):
            return Origin(text, Kind.PEER)
        raise UsageError(
            f"There is nothing to take in {text}.",
            why=f"It is neither a bundle, with a file {LAYOUT_FILE}, nor a Hub cache, with folders models--*.",
            remedy="Name a bundle, a Hub cache, oci://HOST/NAME:TAG, a mirror's https:// address, or hub.",
        )
    return Origin(text, Kind.BUNDLE)


@contextmanager
def opened_origin(origin: Origin, lock: LockFile, trusted: Path | None) -> Iterator[Bundle]:
    """Open a bundle or a peer's cache as what holds the contents of a lock file.

    The lock file rules: of a bundle no more than the contents is taken, by their digests, and its own listings where
    they say the same. With `trusted` only what one of these has signed is taken, which no cache can be.
    """
    if origin.kind is Kind.PEER:
        if trusted:
            raise refused(f"{origin.text} is not signed.", "A Hub cache carries no signature")
        yield Bundle(PeerCache.of(Path(origin.text), lock), lock, BundleConfig(schema_version=1), {})
        return
    with opened_source(origin.text) as source:
        bundle = open_bundle(source, trusted)
        yield Bundle(source, lock, bundle.config, bundle.papers)


def opened_here(cache_dir: Path, lock: LockFile) -> Bundle:
    """Return this machine's own cache as what holds the contents of a lock file."""
    return Bundle(PeerCache.of(cache_dir, lock), lock, BundleConfig(schema_version=1), {})


@dataclass(frozen=True)
class PeerCache:
    """The contents of a lock file in a Hub cache, by their SHA-256; what stands there is compared when it is taken."""

    words: str
    paths: dict[str, Path]

    @classmethod
    def of(cls, cache_dir: Path, lock: LockFile) -> "PeerCache":
        """Look where the files stand, in their snapshot or among the blobs."""
        paths: dict[str, Path] = {}
        for repository in lock.repositories:
            repo = repo_of(cache_dir, repository.model)
            for file in repository.files:
                etag = file.sha256 if file.lfs else file.git_sha1
                for path in (repo.snapshot(repository.commit) / file.path, repo.blobs / etag):
                    if path.is_file():
                        paths.setdefault(file.sha256, path.resolve())
        return cls(str(cache_dir), paths)

    def document(self, name: str) -> bytes:
        """Refuse: a cache has no documents, and nobody asks for any."""
        raise refused(f"{self.words} is a Hub cache.", f"It holds no {name}")

    def size_of(self, sha256: str) -> int | None:
        """Return the length of a content; None when it is not here."""
        return self.paths[sha256].stat().st_size if sha256 in self.paths else None

    def blob(self, sha256: str) -> Opened:
        """Open a content. It is copied and never linked: two caches must not share a file that each may write."""
        return Opened(open_regular(self.paths[sha256]))

    def names(self) -> frozenset[str]:
        """Return nothing: a cache is no layout."""
        return frozenset()
