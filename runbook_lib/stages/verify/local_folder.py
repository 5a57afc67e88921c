"""What huggingface_hub leaves in a folder it downloads to (`local_dir`), as docling-tools does with artifacts.

Read from huggingface_hub 1.33 (`_local_folder.py`, `_tree_cache.py`): `.cache/huggingface/download/<path>.metadata`
holds commit, etag and time, a line each; `.cache/huggingface/trees/<commit>.json`, since 1.22, is the Hub's listing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.cache.etags import is_commit, is_etag
from runbook_lib.cache.inventory import Role, entries_below
from runbook_lib.stages.verify.expected import Expectation, ExpectedFile

HUGGINGFACE = Path(".cache", "huggingface")
_METADATA_SUFFIX = ".metadata"
_METADATA_MAX_BYTES = 4096


@dataclass(frozen=True)
class _Downloaded:
    path: str
    commit: str
    etag: str
    time_s: float


def local_metadata(folder: Path) -> Expectation | None:
    """Return the files that were downloaded to the folder and their hashes, without sizes; None when nothing tells.

    The commit is that of the latest download. Lines that are not what huggingface_hub writes are passed over.
    """
    downloaded = sorted(_downloaded(folder), key=lambda file: file.path)
    if not downloaded:
        return None
    latest = max(downloaded, key=lambda file: file.time_s)
    files = tuple(ExpectedFile.of_etag(file.path, file.etag) for file in downloaded)
    return Expectation(latest.commit, files, "the metadata in the folder")


def _downloaded(folder: Path) -> Iterator[_Downloaded]:
    home = folder / HUGGINGFACE / "download"
    for entry in entries_below(home, Role.NOTE):
        content = entry.content()
        if not entry.name.endswith(_METADATA_SUFFIX) or content is None or content.st_size > _METADATA_MAX_BYTES:
            continue
        try:
            commit, etag, time_s, *_ = entry.path.read_text(encoding="utf-8").split()
            if is_commit(commit) and is_etag(etag):
                yield _Downloaded(entry.name.removesuffix(_METADATA_SUFFIX), commit, etag, float(time_s))
        except (OSError, ValueError):
            continue
