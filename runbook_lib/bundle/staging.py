"""Contents on their way into a cache: written beside it, compared, and only then given their names."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.bundle.names import refused
from runbook_lib.bundle.read import Bundle, WantedBlob, require_content
from runbook_lib.bundle.sources import Opened, Source
from runbook_lib.bundle.streams import copy_hashed
from runbook_lib.cache.hard_links import is_own_file
from runbook_lib.cache.hashing import git_sha1_of, sha256_of
from runbook_lib.cache.sharing import Sharing, share
from runbook_lib.cache.walk import walk_top
from runbook_lib.errors import BundleError, DiskError, RegistryUnavailable
from runbook_lib.render.values import format_bytes
from runbook_lib.system.filesystem import free_bytes
from runbook_lib.system.progress import Passed

_MARGIN_BYTES: Final = 16 * 1024**2


@dataclass
class Staging:
    """A folder where no client looks, on the volume contents are to stand on, with these under their SHA-256."""

    folder: Path
    uses: dict[str, int]
    """How many names each content is still to get."""
    links: bool
    """Whether weights may be one file with those of a bundle on the same volume."""

    def path(self, sha256: str) -> Path:
        """Return where a content stands."""
        return self.folder / sha256

    def fetch(self, bundle: Bundle, blob: WantedBlob, passed: Passed) -> None:
        """Take a content out of the bundle; raises `BundleError` when it is not what its hash says."""
        require_content(bundle.source, blob, self._found(bundle.source, blob, passed))
        if blob.git_sha1 and git_sha1_of(self.path(blob.sha256)) != blob.git_sha1:
            raise refused(f"{bundle.source.words} contradicts itself.", f"{blob.name}: git's id is of another content")

    def _found(self, source: Source, blob: WantedBlob, passed: Passed) -> tuple[int, str]:
        """Bring a content here; returns its length and SHA-256."""
        target = self.path(blob.sha256)
        if callable(fetch_into := getattr(source, "fetch_into", None)):
            had_bytes = target.stat().st_size if target.exists() else 0
            fetch_into(blob.sha256, blob.size_bytes, target, passed)
            if had_bytes and sha256_of(target) != blob.sha256:  # what an earlier import left was not what it should be
                target.unlink()
                fetch_into(blob.sha256, blob.size_bytes, target, passed)
            return target.stat().st_size, sha256_of(target)
        target.unlink(missing_ok=True)
        opened = source.blob(blob.sha256)
        try:
            return self._taken(opened, blob, passed)
        finally:
            opened.close()

    def _taken(self, opened: Opened, blob: WantedBlob, passed: Passed) -> tuple[int, str]:
        """Share weights with a bundle on the same volume, copy everything else; returns length and SHA-256."""
        target = self.path(blob.sha256)
        if opened.path is not None and not blob.git_sha1:
            with suppress(OSError):
                links = self.links and is_own_file(opened.path)
                sharing = share(opened.path, target, hard_links=links, copies=False)
                if sharing in (Sharing.CLONED, Sharing.LINKED):
                    found = target.stat().st_size, sha256_of(target)
                    passed(found[0])
                    return found
        with target.open("xb", buffering=0) as file:
            return copy_hashed(opened.stream, file, blob.size_bytes, passed)


@contextmanager
def staged_in(
    folder: Path, volume: Path, wanted: dict[str, int], needed_bytes: int, *, links: bool
) -> Iterator[Staging]:
    """Make the folder, when there is room where it is to stand. The caller keeps others away from it.

    It goes at the end, unless a registry stopped answering: the next import goes on with what has come.
    """
    here_bytes = _kept(folder, wanted)
    free = free_bytes(volume)
    if needed_bytes > here_bytes and free < needed_bytes - here_bytes + _MARGIN_BYTES:
        raise DiskError(
            f"There is not enough space for the bundle in {volume}.",
            why=f"It needs {format_bytes(needed_bytes - here_bytes)}, and {format_bytes(free)} are free.",
            remedy="Free space, or name a folder on another volume.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield Staging(folder, dict(wanted), links)
    except RegistryUnavailable:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _kept(folder: Path, wanted: dict[str, int]) -> int:
    """Remove what an earlier import left and this one does not want; returns the bytes that stay."""
    kept_bytes = 0
    for name, facts in walk_top(folder):
        if name in wanted:
            kept_bytes += facts.st_size
        else:
            (folder / name).unlink(missing_ok=True)
    return kept_bytes


def not_here(bundle: Bundle, lacking: list[WantedBlob]) -> BundleError:
    """Return the error for contents that neither the bundle nor this machine has."""
    size = format_bytes(sum(blob.size_bytes for blob in lacking))
    return BundleError(
        f"{bundle.source.words} was made for a machine that already has more than this one.",
        why=f"{len(lacking)} contents ({size}) were left out of it and are not here; the first is {lacking[0].name}.",
        remedy="Nothing was written. Export without --since, or with --since the lock file of this machine.",
    )
