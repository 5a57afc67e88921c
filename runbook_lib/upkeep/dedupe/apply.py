"""Carrying out a dedupe plan: one name after the other, each exchanged in one step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.cache.artifacts import share_placed
from runbook_lib.cache.disk_usage import freed_bytes
from runbook_lib.cache.hard_links import put_link
from runbook_lib.cache.layout import cached_repos
from runbook_lib.cache.locks import Say, blob_lock, download_lock, hold
from runbook_lib.system.filesystem import describe_os_error
from runbook_lib.system.progress import print_to_stderr
from runbook_lib.upkeep.dedupe.facts import DedupePlan, DedupeResult, Replacement, Skipped, UnusedBlob
from runbook_lib.upkeep.dedupe.names import referenced_blobs

_LOCK_LIMIT_S = 30.0
_CHANGED = "changed since the plan was made: plan again"


def apply_dedupe(plan: DedupePlan, *, lock_limit_s: float = _LOCK_LIMIT_S, say: Say = print_to_stderr) -> DedupeResult:
    """Carry out the plan; a name that has changed since, or that is open in a program (Windows), is skipped and said.

    May be stopped and repeated at any time: a name always stands for a whole file of its content. Raises `DiskError`
    when a download, ours or huggingface_hub's own, holds its lock for longer than the limit; what was done until then
    stays done.
    """
    started = time.perf_counter()
    work = _Work(plan, lock_limit_s, say)
    with hold(download_lock(plan.cache_dir), "a download into this cache", limit_s=lock_limit_s, say=say):
        for path in plan.leftovers:
            work.sweep(path)
        for replacement in plan.replacements:
            work.link(replacement)
        for blob in plan.unused_blobs:
            work.drop(blob)
    return DedupeResult(
        linked_count=work.linked_count,
        removed_count=work.removed_count,
        freed_bytes=work.freed_bytes,
        skipped=tuple(work.skipped),
        kept_back=plan.kept_back,
        elapsed_s=round(time.perf_counter() - started, 3),
    )


@dataclass
class _Work:
    """What has been done of a plan so far."""

    plan: DedupePlan
    lock_limit_s: float
    say: Say
    linked_count: int = 0
    removed_count: int = 0
    freed_bytes: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def sweep(self, leftover: Path) -> None:
        """Remove a temporary name, unless it is gone by now."""
        with self._attempt(leftover, "", ""), suppress(FileNotFoundError):
            freed = freed_bytes((leftover.lstat(),))
            leftover.unlink()
            self.removed_count += 1
            self.freed_bytes += freed

    def link(self, entry: Replacement) -> None:
        """Let the name stand for the keeper's file."""
        path = entry.name.path
        with self._attempt(path, entry.repo_folder, entry.etag):
            if not (entry.name.is_unchanged() and entry.keeper.is_unchanged()):
                self._skip(path, _CHANGED)
                return
            freed = freed_bytes((path.lstat(),))
            self._share(entry)
            self.linked_count += 1
            self.freed_bytes += freed

    def _share(self, entry: Replacement) -> None:
        """Link within the cache; in the artifacts folder, share as placing does: others may write there."""
        path, keeper = entry.name.path, entry.keeper.path
        if entry.repo_folder or self.plan.artifacts_dir is None:
            put_link(keeper, keeper.lstat(), path, entry.etag)
            return
        model, *rest = path.relative_to(self.plan.artifacts_dir).parts
        share_placed(self.plan.artifacts_dir / model, "/".join(rest), keeper)

    def drop(self, blob: UnusedBlob) -> None:
        """Remove a blob's name, unless something refers to it by now."""
        path = blob.name.path
        with self._attempt(path, blob.repo_folder, path.name):
            twin_stands = blob.twin is None or blob.twin.path.stat().st_size == blob.twin.size_bytes
            if not (blob.name.is_unchanged() and twin_stands) or self._is_referenced(blob):
                self._skip(path, _CHANGED)
                return
            freed = freed_bytes((path.lstat(),))
            path.unlink()
            self.removed_count += 1
            self.freed_bytes += freed

    def _is_referenced(self, blob: UnusedBlob) -> bool:
        repo = next(repo for repo in cached_repos(self.plan.cache_dir) if repo.folder.name == blob.repo_folder)
        return str(blob.name.path.resolve()) in referenced_blobs(repo, self.plan.artifacts_dir)

    @contextmanager
    def _attempt(self, path: Path, repo_folder: str, etag: str) -> Iterator[None]:
        """Hold the lock hub would hold for this content; what the system refuses is noted, not raised."""
        try:
            if not repo_folder:
                yield
                return
            lock = blob_lock(self.plan.cache_dir, repo_folder, etag)
            with hold(lock, f"a download of {path.name}", limit_s=self.lock_limit_s, say=self.say):
                yield
        except OSError as error:
            self._skip(path, describe_os_error(error))

    def _skip(self, path: Path, reason: str) -> None:
        self.skipped.append(Skipped(path=path, reason=reason))
