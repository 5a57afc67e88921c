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
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.run.interpreter import interpreter_of
from runbook_lib.run.target import Target
from runbook_lib.system.layers import Layers
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


def plan_deletion(target: Target, models: Sequence[ModelRef]) -> DeletionPlan:
    """Ask the interpreter's huggingface_hub what would go with these commits, and count what that frees.

    Each model names a repository and the whole commit: two repositories may stand at the same one.
    """
    answer = ask_hub(target, models, execute=False)
    paths = tuple(map(Path, answer["paths"]))
    present = collect_revisions(target.cache_dir, target.artifacts_dir)
    return DeletionPlan(
        cache_dir=target.cache_dir,
        revisions=tuple(revision for revision in present if revision.model in models),
        paths=paths,
        unknown=tuple(str(ModelRef(*pair)) for pair in answer["unknown"]),
        frees_bytes=freed_below(paths, Layers(target.cache_dir)),
    )


def ask_hub(target: Target, models: Sequence[ModelRef], *, execute: bool) -> dict[str, Any]:
    """Let the interpreter's huggingface_hub plan the deletion, or carry it out."""
    revisions = [[model.repo_id, model.revision] for model in models]
    request = {"cache_dir": str(target.cache_dir), "revisions": revisions, "execute": execute}
    answer: dict[str, Any] = interpreter_of(target).run("delete_revisions", request, limit_s=_LIMIT_S).value
    return answer


def freed_below(paths: Iterable[Path], layers: Layers) -> int:
    """Return what the disk gets back when these files and folders go; a container's lower layers are only hidden."""
    going = {path: st for root in paths for path, st in _all_below(root)}
    return freed_bytes(st for path, st in going.items() if layers.is_own(path))


def _all_below(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    with suppress(OSError):
        st = root.lstat()
        if not stat.S_ISDIR(st.st_mode):
            yield root, st
            return
    yield from ((root / name, st) for name, st in walk(root))
