"""Planning a deletion: huggingface_hub says what would go, the inodes say what that frees. Changes nothing."""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from runbook_lib.cache.disk_usage import FileId, allocated, freed_bytes
from runbook_lib.cache.inventory import Entry, artifact_entries, snapshot_entries
from runbook_lib.cache.layout import CachedRepo, cached_repos
from runbook_lib.cache.walk import walk
from runbook_lib.run.interpreter import interpreter_of
from runbook_lib.run.target import Target
from runbook_lib.upkeep.deletion.facts import CachedRevision, DeletionPlan

_LIMIT_S: Final = 300.0


def collect_revisions(cache_dir: Path, artifacts_dir: Path) -> tuple[CachedRevision, ...]:
    """Look at every revision of a cache and at what it shares with the others and with docling's artifacts."""
    held = {
        (repo, folder.name): _contents(snapshot_entries(repo, folder.name))
        for repo in cached_repos(cache_dir)
        for folder in repo.snapshots()
    }
    holders = Counter(file_id for files in held.values() for file_id in files)
    holders.update(_contents(artifact_entries(artifacts_dir)).keys())
    return tuple(_revision(repo, commit, files, holders) for (repo, commit), files in held.items())


def _contents(entries: Iterable[Entry]) -> dict[FileId, list[os.stat_result]]:
    """Return the files that names lead to, links followed, each with one `stat` a name."""
    found: dict[FileId, list[os.stat_result]] = {}
    for entry in entries:
        if st := entry.content():
            found.setdefault((st.st_dev, st.st_ino), []).append(st)
    return found


def _revision(
    repo: CachedRepo, commit: str, files: dict[FileId, list[os.stat_result]], holders: Counter[FileId]
) -> CachedRevision:
    sizes = {file_id: allocated(names[0]) for file_id, names in files.items()}
    return CachedRevision(
        repo_id=repo.repo_id,
        commit=commit,
        names=repo.names_of(commit),
        file_count=sum(map(len, files.values())),
        size_bytes=sum(sizes.values()),
        own_bytes=sum(size for file_id, size in sizes.items() if holders[file_id] == 1),
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
        frees_bytes=freed_below(paths),
    )


def ask_hub(target: Target, commits: Sequence[str], *, execute: bool) -> dict[str, Any]:
    """Let the interpreter's huggingface_hub plan the deletion, or carry it out."""
    request = {"cache_dir": str(target.cache_dir), "commits": list(commits), "execute": execute}
    answer: dict[str, Any] = interpreter_of(target).run("delete_revisions", request, limit_s=_LIMIT_S).value
    return answer


def freed_below(paths: Iterable[Path]) -> int:
    """Return what the disk gets back when these files and folders go."""
    return freed_bytes({path: st for root in paths for path, st in _all_below(root)}.values())


def _all_below(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    with suppress(OSError):
        st = root.lstat()
        if not stat.S_ISDIR(st.st_mode):
            yield root, st
            return
    yield from ((root / name, st) for name, st in walk(root))
