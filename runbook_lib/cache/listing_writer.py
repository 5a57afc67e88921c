"""Writing what huggingface_hub keeps of a commit: its listing `trees/<commit>.json`, and the reference of a name.

From huggingface_hub 1.26 to 2.1 a commit that is asked for by its hash is looked up in the network whenever the listing
is missing, although every file is there (pull request 4604); the format is that of `_tree_cache.py` in 1.22 and later.
"""

import json
from pathlib import Path

from runbook_lib.cache.etags import is_commit
from runbook_lib.cache.layout import CachedRepo, ListedFile, Listing
from runbook_lib.cache.tree_listing import tree_path
from runbook_lib.core import atomic

_FORMAT_VERSION = 1


def write_listing(repo: CachedRepo, listing: Listing) -> tuple[Path, ...]:
    """Write the listing, and the reference of a branch or tag that has none; returns the files that are new.

    Overwrites nothing: what huggingface_hub has written knows more (Xet hashes).
    """
    tree = tree_path(repo.folder, listing.commit)
    content = {
        "format_version": _FORMAT_VERSION,
        "files": {file.path: _entry(file) for file in sorted(listing.files, key=lambda file: file.path)},
    }
    contents = {tree: json.dumps(content, indent=1)}
    if not is_commit(listing.revision):
        contents[repo.folder / "refs" / listing.revision] = listing.commit
    absent = tuple(path for path in contents if not path.exists())
    for path in absent:
        atomic.write_text(path, contents[path])
    return absent


def _entry(file: ListedFile) -> dict[str, object]:
    entry: dict[str, object] = {"size": file.size_bytes, "blob_id": file.git_sha1}
    if file.sha256 is not None:
        entry |= {"lfs_sha256": file.sha256, "lfs_size": file.size_bytes}
    return entry
