"""The files that say which commit a branch or tag stood for: `refs/<revision>`, one commit and nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from runbook_lib.cache.etags import is_commit
from runbook_lib.cache.layout import CachedRepo
from runbook_lib.cache.walk import walk
from runbook_lib.core import atomic

_DAMAGED_DIGITS: Final = 2
"""Two commits differ in this few of their 40 digits only where bits have flipped."""


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


def damaged_refs(repo: CachedRepo) -> Iterator[tuple[Path, str]]:
    """Yield the branches and tags that hold no commit, or one that differs from a snapshot's in a digit or two."""
    home = repo.folder / "refs"
    standing = [snapshot.name for snapshot in repo.snapshots()]
    for name, _ in walk(home):
        text = ref_text(repo, name)
        if text is not None and (not is_commit(text) or (text not in standing and nearest(text, standing))):
            yield home / name, text


def nearest(text: str, commits: Sequence[str]) -> str:
    """Return the one commit that a damaged text is but for a digit or two; empty when none or several are."""
    near = [commit for commit in commits if _distance(commit, text) <= _DAMAGED_DIGITS]
    return near[0] if len(near) == 1 else ""


def _distance(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=False)) + abs(len(one) - len(other))
