"""The files that say which commit a branch or tag stood for: `refs/<revision>`, one commit and nothing else."""

from contextlib import suppress
from pathlib import Path

from runbook_lib.cache.layout import CachedRepo
from runbook_lib.core import atomic


def ref_path(repo: CachedRepo, revision: str) -> Path:
    """Return where a branch or tag is noted."""
    return repo.folder / "refs" / revision


def ref_text(repo: CachedRepo, revision: str) -> str | None:
    """Return what stands there, to the last byte: huggingface_hub takes a line feed for a part of the name (to 2.4).

    None when there is no such file, or it cannot be read.
    """
    with suppress(OSError):
        return ref_path(repo, revision).read_bytes().decode("utf-8", "backslashreplace")
    return None


def write_ref(repo: CachedRepo, revision: str, commit: str) -> None:
    """Let a branch or tag stand for a commit."""
    atomic.write_text(ref_path(repo, revision), commit)
