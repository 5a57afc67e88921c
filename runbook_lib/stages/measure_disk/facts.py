"""What stage measure disk saw."""

from collections.abc import Sequence

from runbook_lib.core.value import Value
from runbook_lib.render.sections import Section, Table
from runbook_lib.render.values import format_bytes
from runbook_lib.run.record import Facts


class RevisionUsage(Value):
    """One snapshot."""

    commit: str
    names: tuple[str, ...]
    """Branches and tags that point here."""
    file_count: int
    logical_bytes: int


class RepositoryUsage(Value):
    """One repository in the cache."""

    repo_id: str
    revisions: tuple[RevisionUsage, ...]
    logical_bytes: int
    """All revisions added up, as if nothing were shared."""
    distinct_bytes: int
    """Every content once."""
    allocated_bytes: int
    """What the repository takes on disk, by inode."""
    incomplete_bytes: int
    """Of incomplete files that only take space: those the doctor's check of the same id names."""


class Projection(Value):
    """What the same content would take with one kind of link."""

    name: str
    cache_bytes: int
    artifacts_bytes: int

    @property
    def total_bytes(self) -> int:
        """Cache and artifacts folder together."""
        return self.cache_bytes + self.artifacts_bytes


FURTHER_REVISIONS = 4


class DiskFacts(Facts):
    """What cache and artifacts folder take."""

    cache_dir: str
    artifacts_dir: str
    repositories: tuple[RepositoryUsage, ...]
    cache_bytes: int
    artifacts_bytes: int
    ocr_bytes: int = 0
    """What of the artifacts folder the models of OCR engines take; they are in no cache."""
    shared_bytes: int
    """What cache and artifacts folder hold together, because they are the same inodes."""
    projections: tuple[Projection, ...]
    free_bytes: int

    @property
    def allocated_bytes(self) -> int:
        """What both take together on disk."""
        return self.cache_bytes + self.artifacts_bytes - self.shared_bytes

    @property
    def next_revision_bytes(self) -> int:
        """What one further revision of every model adds where nothing is shared: the largest so far stands for it."""
        return sum(
            max((revision.logical_bytes for revision in repository.revisions), default=0)
            for repository in self.repositories
        )

    def growth(self, further: int = FURTHER_REVISIONS) -> dict[str, tuple[int, ...]]:
        """Return for each kind of link what everything takes now and after each further revision.

        The weights are taken to be unchanged, as they are in most revisions: links then grow by nothing, copies by all.
        """
        added = {"copies": self.next_revision_bytes}
        return {
            entry.name: tuple(entry.total_bytes + number * added.get(entry.name, 0) for number in range(further + 1))
            for entry in self.projections
        }

    def sections(self) -> Sequence[Section]:
        """Return the places, the repositories with their revisions, the projections and the growth."""
        return (self.place_table(), self.repository_table(), self.projection_table(), self.growth_table())

    def place_table(self) -> Table:
        """Return what each place takes."""
        rows = (
            ("cache", self.cache_dir, format_bytes(self.cache_bytes)),
            ("artifacts", self.artifacts_dir, format_bytes(self.artifacts_bytes)),
            ("of them for OCR", "RapidOcr, EasyOcr", format_bytes(self.ocr_bytes)),
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

    def growth_table(self) -> Table:
        """Return what further revisions with unchanged weights would take."""
        rows = tuple((name, *map(format_bytes, sizes)) for name, sizes in self.growth().items())
        return Table("After further revisions with unchanged weights", ("links", *growth_steps()), rows)


def growth_steps(further: int = FURTHER_REVISIONS) -> tuple[str, ...]:
    """Return the names of the steps of `DiskFacts.growth`."""
    return ("now", *(f"+{number}" for number in range(1, further + 1)))
