"""Counting bytes in the cache and the artifacts folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.cache.artifacts import read_stamp
from runbook_lib.cache.disk_usage import DiskUsage
from runbook_lib.cache.etags import is_sha256
from runbook_lib.cache.incomplete_files import IncompleteFile
from runbook_lib.cache.inventory import snapshot_entries
from runbook_lib.cache.layout import CachedRepo, cached_repos
from runbook_lib.cache.walk import folders_in
from runbook_lib.run.interpreter import abandoned_files
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.measure_disk.facts import DiskFacts, Projection, RepositoryUsage, RevisionUsage
from runbook_lib.system.filesystem import free_bytes


@dataclass(frozen=True)
class _Content:
    """A file of a snapshot: what makes it the same content as another, and its length."""

    key: str
    size_bytes: int


def collect_disk(run: OpenRun) -> DiskFacts:
    """Measure every repository of the cache, not only the models of this run, and the artifacts folder."""
    abandoned = abandoned_files(run)
    repositories = tuple(_measure(repo, abandoned) for repo in cached_repos(run.cache_dir))
    cache = DiskUsage().add_tree(run.cache_dir)
    artifacts = DiskUsage().add_tree(run.artifacts_dir)
    return DiskFacts(
        cache_dir=str(run.cache_dir),
        artifacts_dir=str(run.artifacts_dir),
        repositories=repositories,
        cache_bytes=cache.allocated_bytes,
        artifacts_bytes=artifacts.allocated_bytes,
        ocr_bytes=_ocr_bytes(run.artifacts_dir),
        shared_bytes=cache.shared_with(artifacts),
        projections=project(repositories, artifacts.logical_bytes, _unlinked_bytes(run.artifacts_dir)),
        free_bytes=free_bytes(run.cache_dir),
    )


def project(
    repositories: tuple[RepositoryUsage, ...], artifacts_bytes: int, small_bytes: int
) -> tuple[Projection, ...]:
    """Return what the same content would take with each kind of link.

    Symlinks: hub stores every content once; the artifacts folder is a copy, as docling-tools makes it. Copies: hub
    without the privilege stores every revision whole. Hard links: every content once for cache and artifacts folder
    together; only what is not LFS (`small_bytes`) is copied.
    """
    distinct = sum(repository.distinct_bytes for repository in repositories)
    every_revision = sum(repository.logical_bytes for repository in repositories)
    return (
        Projection(name="symlinks", cache_bytes=distinct, artifacts_bytes=artifacts_bytes),
        Projection(name="copies", cache_bytes=every_revision, artifacts_bytes=artifacts_bytes),
        Projection(name="hard links", cache_bytes=distinct, artifacts_bytes=small_bytes),
    )


def _measure(repo: CachedRepo, abandoned: Sequence[IncompleteFile]) -> RepositoryUsage:
    contents = {snapshot.name: tuple(_contents(repo, snapshot.name)) for snapshot in repo.snapshots()}
    distinct = {content.key: content.size_bytes for files in contents.values() for content in files}
    revisions = tuple(
        RevisionUsage(
            commit=commit,
            names=repo.names_of(commit),
            file_count=len(files),
            logical_bytes=sum(content.size_bytes for content in files),
        )
        for commit, files in contents.items()
    )
    return RepositoryUsage(
        repo_id=repo.repo_id,
        revisions=revisions,
        logical_bytes=sum(revision.logical_bytes for revision in revisions),
        distinct_bytes=sum(distinct.values()),
        allocated_bytes=DiskUsage().add_tree(repo.folder).allocated_bytes,
        incomplete_bytes=sum(file.size_bytes for file in abandoned if file.repo_folder == repo.folder.name),
    )


def _contents(repo: CachedRepo, commit: str) -> Iterator[_Content]:
    """Yield what a snapshot holds; contents differ by the Hub's hash where the listing is kept, else by inode."""
    for entry in snapshot_entries(repo, commit):
        if st := entry.content():  # a dangling link is stage verify's business
            yield _Content(entry.etag or f"{st.st_dev}:{st.st_ino}", st.st_size)


def _unlinked_bytes(artifacts_dir: Path) -> int:
    """Return the bytes of the artifacts folder that have no twin in the cache: what is no LFS file, and OCR models."""
    stamps = (read_stamp(folder) for folder in folders_in(artifacts_dir))
    files = ((stamp, file) for stamp in stamps if stamp for file in stamp.files.values())
    return sum(file.size_bytes for stamp, file in files if not is_sha256(file.etag) or not stamp.commit)


def _ocr_bytes(artifacts_dir: Path) -> int:
    """Return what the folders of OCR engines take, whoever filled them."""
    return DiskUsage().add_tree(artifacts_dir / "RapidOcr").add_tree(artifacts_dir / "EasyOcr").allocated_bytes
