"""What stage measure disk saw."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from runbook_lib.records import Facts
from runbook_lib.render import Section, Table, format_bytes


class RevisionUsage(BaseModel):
    """One snapshot."""

    model_config = ConfigDict(frozen=True)

    commit: str
    names: tuple[str, ...]
    """Branches and tags that point here."""
    file_count: int
    logical_bytes: int


class RepositoryUsage(BaseModel):
    """One repository in the cache."""

    model_config = ConfigDict(frozen=True)

    repo_id: str
    revisions: tuple[RevisionUsage, ...]
    logical_bytes: int
    """All revisions added up, as if nothing were shared."""
    distinct_bytes: int
    """Every content once."""
    allocated_bytes: int
    """What the repository takes on disk, by inode."""
    leftover_bytes: int


class Projection(BaseModel):
    """What the same content would take with one kind of link."""

    model_config = ConfigDict(frozen=True)

    name: str
    cache_bytes: int
    artifacts_bytes: int

    @property
    def total_bytes(self) -> int:
        """Cache and artifacts folder together."""
        return self.cache_bytes + self.artifacts_bytes


class DiskFacts(Facts):
    """What cache and artifacts folder take."""

    cache_dir: str
    artifacts_dir: str
    repositories: tuple[RepositoryUsage, ...]
    cache_bytes: int
    artifacts_bytes: int
    shared_bytes: int
    """What cache and artifacts folder hold together, because they are the same inodes."""
    projections: tuple[Projection, ...]
    free_bytes: int

    @property
    def allocated_bytes(self) -> int:
        """What both take together on disk."""
        return self.cache_bytes + self.artifacts_bytes - self.shared_bytes

    def sections(self) -> Sequence[Section]:
        """Return the places, the repositories with their revisions, and the projections."""
        return (self.place_table(), self.repository_table(), self.projection_table())

    def place_table(self) -> Table:
        """Return what each place takes."""
        rows = (
            ("cache", self.cache_dir, format_bytes(self.cache_bytes)),
            ("artifacts", self.artifacts_dir, format_bytes(self.artifacts_bytes)),
            ("shared by both", "the same inodes", format_bytes(self.shared_bytes)),
            ("together", "", format_bytes(self.allocated_bytes)),
            ("free", "", format_bytes(self.free_bytes)),
        )
        return Table("On disk, by inode", ("place", "where", "bytes on disk"), rows)

    def repository_table(self) -> Table:
        """Return one row a revision."""
        rows = tuple(
            (
                repository.repo_id,
                revision.commit[:8] + (f" ({', '.join(revision.names)})" if revision.names else ""),
                str(revision.file_count),
                format_bytes(revision.logical_bytes),
                format_bytes(repository.allocated_bytes) if index == 0 else "as above",
            )
            for repository in self.repositories
            for index, revision in enumerate(repository.revisions)
        )
        return Table("Revisions in the cache", ("repository", "revision", "files", "size", "repository on disk"), rows)

    def projection_table(self) -> Table:
        """Return what the same content would take with each kind of link."""
        rows = tuple(
            (
                entry.name,
                format_bytes(entry.cache_bytes),
                format_bytes(entry.artifacts_bytes),
                format_bytes(entry.total_bytes),
            )
            for entry in self.projections
        )
        return Table("The same content with", ("links", "cache", "artifacts", "together"), rows)
