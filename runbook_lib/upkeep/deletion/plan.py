"""Planning a deletion: huggingface_hub says what would go, the inodes say what that frees. Changes nothing."""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runbook_lib.cache.disk_usage import allocated
from runbook_lib.cache.layout import CachedRepo, cached_repos
from runbook_lib.run.interpreter import interpreter_of
from runbook_lib.run.target import Target
from runbook_lib.upkeep.deletion.facts import CachedRevision, DeletionPlan

FileId = tuple[int, int]
_LIMIT_S: Final = 300.0


@dataclass(frozen=True)
class _Held:
    """The files a folder leads to, links followed."""

    allocated_by_file: dict[FileId, int]
    file_count: int

    @classmethod
    def by(cls, folder: Path) -> "_Held":
        found = [facts for path in folder.rglob("*") if (facts := _regular(path))]
        return cls({(facts.st_dev, facts.st_ino): allocated(facts) for facts in found}, len(found))


def collect_revisions(cache_dir: Path, artifacts_dir: Path) -> tuple[CachedRevision, ...]:
    """Look at every revision of a cache and at what it shares with the others and with docling's artifacts."""
    held = [(repo, folder, _Held.by(folder)) for repo in cached_repos(cache_dir) for folder in repo.snapshots()]
    holders = Counter(file_id for _, _, files in held for file_id in files.allocated_by_file)
    holders.update(_Held.by(artifacts_dir).allocated_by_file.keys())
    return tuple(_revision(repo, folder.name, files, holders) for repo, folder, files in held)


def _revision(repo: CachedRepo, commit: str, files: _Held, holders: Counter[FileId]) -> CachedRevision:
    return CachedRevision(
        repo_id=repo.repo_id,
        commit=commit,
        names=repo.names_of(commit),
        file_count=files.file_count,
        size_bytes=sum(files.allocated_by_file.values()),
        own_bytes=sum(size for file_id, size in files.allocated_by_file.items() if holders[file_id] == 1),
    )


def plan_deletion(target: Target, commits: Sequence[str]) -> DeletionPlan:
    """Ask the interpreter's huggingface_hub what would go with these commits, and count what that frees."""
    answer = ask_hub(target, commits, execute=False)
    paths = tuple(map(Path, answer["paths"]))
    return DeletionPlan(
        cache_dir=target.cache_dir,
        commits=tuple(commits),
        paths=paths,
        unknown=tuple(answer["unknown"]),
        frees_bytes=freed_bytes(paths),
    )


def ask_hub(target: Target, commits: Sequence[str], *, execute: bool) -> dict[str, Any]:
    """Let the interpreter's huggingface_hub plan the deletion, or carry it out."""
    request = {"cache_dir": str(target.cache_dir), "commits": list(commits), "execute": execute}
    answer: dict[str, Any] = interpreter_of(target).run("delete_revisions", request, limit_s=_LIMIT_S).value
    return answer


def freed_bytes(paths: Iterable[Path]) -> int:
    """Return what the disk gets back when these go: files all of whose names are among them."""
    names: Counter[FileId] = Counter()
    facts_of: dict[FileId, os.stat_result] = {}
    for path in {path for root in paths for path in _all_below(root)}:
        if facts := _regular(path, follow=False):
            names[facts.st_dev, facts.st_ino] += 1
            facts_of[facts.st_dev, facts.st_ino] = facts
    return sum(allocated(facts) for file_id, facts in facts_of.items() if names[file_id] >= facts.st_nlink)


def _all_below(root: Path) -> Iterator[Path]:
    yield root
    if root.is_dir() and not root.is_symlink():
        yield from root.rglob("*")


def _regular(path: Path, *, follow: bool = True) -> os.stat_result | None:
    with suppress(OSError):
        facts = path.stat() if follow else path.lstat()
        return facts if stat.S_ISREG(facts.st_mode) else None
    return None
