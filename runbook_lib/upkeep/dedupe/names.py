"""What dedupe looks at in an inventory, and what refers to what."""

import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from runbook_lib.cache.inventory import Entry, Role, artifact_entries, repository_entries
from runbook_lib.cache.layout import CachedRepo


def shareable(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the files that could share their content.

    Left out are empty ones, small files of the artifacts folder, which stay copies because an editor would write
    through a link into the cache, and what stands behind a folder that is a link to somewhere else.
    """
    is_link = cache(_is_link)
    for entry in entries:
        if not entry.is_file or not entry.st.st_size or is_link(entry.root):
            continue
        if (
            entry.role is Role.SNAPSHOT
            or (entry.role is Role.BLOB and entry.etag)
            or (entry.role is Role.ARTIFACT and "--" in entry.folder and entry.is_weights)
        ):
            yield entry


def _is_link(folder: Path) -> bool:
    return os.path.realpath(folder) != os.path.join(os.path.realpath(folder.parent), folder.name)  # noqa: PTH118


def targets_of(entries: Iterable[Entry]) -> frozenset[str]:
    """Return the paths that links in snapshots and in the artifacts folder lead to."""
    links = (entry for entry in entries if entry.role in (Role.SNAPSHOT, Role.ARTIFACT) and entry.link is not None)
    return frozenset(os.path.realpath(entry.path.parent / (entry.link or "")) for entry in links)


def referenced_blobs(repo: CachedRepo, artifacts_dir: Path | None) -> frozenset[str]:
    """Look again at which paths links in a repository and in the artifacts folder lead to."""
    in_artifacts = artifact_entries(artifacts_dir) if artifacts_dir else ()
    return targets_of((*repository_entries(repo), *in_artifacts))


def listed_etags(repo: CachedRepo) -> frozenset[str] | None:
    """Return the etags that the snapshots' listings name; None when one has no listing, so that nothing can be told."""
    etags: set[str] = set()
    for snapshot in repo.snapshots():
        listing = repo.listing(snapshot.name)
        if listing is None:
            return None
        etags.update(file.etag for file in listing.files)
    return frozenset(etags)
