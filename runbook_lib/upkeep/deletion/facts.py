"""What a deletion plans and did."""

from collections.abc import Sequence
from pathlib import Path

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Value
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes


class CachedRevision(Value):
    """A revision in the cache, and what it takes that nothing else holds."""

    repo_id: str
    commit: str
    names: tuple[str, ...]
    """Branches and tags that point here."""
    file_count: int
    size_bytes: int
    """Allocated for all of its files, each inode once."""
    own_bytes: int
    """Of these, what neither another revision nor the artifacts folder holds."""

    @property
    def shared_bytes(self) -> int:
        """What another revision or the artifacts folder holds as well: the same inodes."""
        return self.size_bytes - self.own_bytes

    @property
    def model(self) -> ModelRef:
        """The repository at this very commit."""
        return ModelRef(self.repo_id, self.commit)

    @property
    def known_as(self) -> str:
        """The branches and tags in one phrase; a revision without any is what a service pinned by commit."""
        return ", ".join(self.names) or "no branch or tag: pinned by commit, or an older revision"


def revision_table(title: str, revisions: Sequence[CachedRevision]) -> Table:
    """Return revisions as a table: what each is known as and what it takes."""
    rows = tuple(
        (
            f"{revision.repo_id}@{revision.commit[:8]}",
            revision.known_as,
            str(revision.file_count),
            format_bytes(revision.size_bytes),
            format_bytes(revision.own_bytes),
        )
        for revision in revisions
    )
    return Table(title, ("revision", "known as", "files", "on disk", "held by nothing else"), rows)


class CacheContents(Rendered, Value):
    """Every revision a cache holds."""

    cache_dir: Path
    revisions: tuple[CachedRevision, ...]

    def sections(self) -> Sequence[Section]:
        """Return the cache and its revisions."""
        return (Note("Cache", (str(self.cache_dir),)), revision_table("Revisions", self.revisions))


class DeletionPlan(Rendered, Value):
    """What would go and what the disk would get back."""

    cache_dir: Path
    revisions: tuple[CachedRevision, ...]
    """What was asked for and is there."""
    paths: tuple[Path, ...]
    """Whole repositories, snapshots, refs and blobs, as huggingface_hub's own strategy names them."""
    unknown: tuple[str, ...]
    """Revisions that huggingface_hub does not find in the cache, or finds damaged: these stay."""
    frees_bytes: int
    """On disk, by inode: a file that has other names elsewhere frees nothing."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing would go."""
        return not self.paths

    def sections(self) -> Sequence[Section]:
        """Return the sum, what goes and what stays."""
        count = _counted(self.paths)
        sum_ = f"{count} to delete; the disk gets {format_bytes(self.frees_bytes)} back."
        shown: list[Section] = [Note("Delete", (sum_, f"Cache: {self.cache_dir}"))]
        if self.revisions:
            shown.append(revision_table("Revisions that go", self.revisions))
        if self.paths:
            shown.append(Table("Deleted for good", ("file or folder",), tuple((str(path),) for path in self.paths)))
        if self.unknown:
            rows = tuple((commit,) for commit in self.unknown)
            shown.append(Table("Left alone, for huggingface_hub cannot read them", ("revision",), rows))
        return shown


class DeletionResult(Rendered, Value):
    """What went."""

    paths: tuple[Path, ...]
    freed_bytes: int
    left: tuple[Path, ...]
    """What should have gone and is still there: in use, or not ours to delete."""

    def sections(self) -> Sequence[Section]:
        """Return the sum, and what is still there."""
        gone = [path for path in self.paths if path not in self.left]
        note = Note("Deleted", (f"{_counted(gone)} deleted; {format_bytes(self.freed_bytes)} were freed.",))
        rows = tuple((str(path),) for path in self.left)
        return (note, Table("Still there", ("file or folder",), rows)) if rows else (note,)


def _counted(paths: Sequence[Path]) -> str:
    return "1 file or folder" if len(paths) == 1 else f"{len(paths)} files and folders"
