"""What dedupe plans and did."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from runbook_lib.core.value import Value
from runbook_lib.errors import ExitCode
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes, format_seconds

_ROWS_SHOWN = 20


class Seen(Value):
    """A file as it was when it was looked at."""

    path: Path
    device: int
    inode: int
    size_bytes: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path, facts: os.stat_result) -> "Seen":
        """Note a file by its `lstat`."""
        return cls(
            path=path,
            device=facts.st_dev,
            inode=facts.st_ino,
            size_bytes=facts.st_size,
            mtime_ns=facts.st_mtime_ns,
        )

    @property
    def file_id(self) -> tuple[int, int]:
        """What all names of one file have in common."""
        return self.device, self.inode

    def is_unchanged(self) -> bool:
        """Whether the name still stands for the file that was looked at; raises `OSError` when it is gone."""
        return Seen.of(self.path, self.path.lstat()) == self


class Replacement(Value):
    """A name that is to become a hard link to a file of the same content."""

    name: Seen
    keeper: Seen
    """The oldest file with the content; every other name becomes a link to it."""
    repo_folder: str
    """`models--org--name`; empty in the artifacts folder, which hub does not lock."""
    etag: str


class UnusedBlob(Value):
    """A blob no snapshot leads to."""

    name: Seen
    repo_folder: str
    twin: Seen | None
    """The snapshot file that holds the same content; None when no listing knows the blob."""


class Skipped(Value):
    """A name that was left as it was."""

    path: Path
    reason: str


class DedupePlan(Rendered, Value):
    """What would share content from now on and what would go."""

    cache_dir: Path
    artifacts_dir: Path | None
    replacements: tuple[Replacement, ...]
    unused_blobs: tuple[UnusedBlob, ...]
    leftovers: tuple[Path, ...]
    """Temporary names of a dedupe or download that was killed."""
    kept_back: tuple[Skipped, ...]
    """What would be shared or go, were it not for signs of a download, or for a container's layers."""
    frees_bytes: int
    """On disk, counted by file: a name whose file has other names frees nothing."""
    hashed_bytes: int
    elapsed_s: float

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.replacements or self.unused_blobs or self.leftovers)

    def sections(self) -> Sequence[Section]:
        """Return the sum, then the largest entries of each kind."""
        copies, blobs = len(self.replacements), len(self.unused_blobs)
        lines = (
            f"{format_bytes(self.frees_bytes)} can be freed: {copies} copies become hard links, {blobs} blobs go.",
            f"{format_bytes(self.hashed_bytes)} were hashed in {format_seconds(self.elapsed_s)}.",
        )
        shown: list[Section] = [Note("Dedupe", lines)]
        if self.replacements:
            entries = [(str(entry.name.path), entry.name.size_bytes, str(entry.keeper.path)) for entry in self.largest]
            rows = tuple((path, format_bytes(size), keeper) for path, size, keeper in entries)
            more = f", the largest {_ROWS_SHOWN} of {copies}" if copies > _ROWS_SHOWN else ""
            shown.append(Table(f"Copies{more}", ("file", "size", "becomes a link to"), rows))
        if self.unused_blobs:
            some = self.unused_blobs[:_ROWS_SHOWN]
            sizes = tuple((str(blob.name.path), format_bytes(blob.name.size_bytes)) for blob in some)
            more = f", {_ROWS_SHOWN} of {blobs}" if blobs > _ROWS_SHOWN else ""
            shown.append(Table(f"Blobs nothing refers to{more}", ("file", "size"), sizes))
        return (*shown, *_kept_back(self.kept_back))

    @property
    def largest(self) -> tuple[Replacement, ...]:
        """The replacements worth showing."""
        by_size = sorted(self.replacements, key=lambda entry: (-entry.name.size_bytes, entry.name.path))
        return tuple(by_size[:_ROWS_SHOWN])


class DedupeResult(Rendered, Value):
    """What dedupe did."""

    linked_count: int
    removed_count: int
    freed_bytes: int
    """On disk, counted by file."""
    skipped: tuple[Skipped, ...]
    kept_back: tuple[Skipped, ...] = ()
    """As the plan has it."""
    elapsed_s: float

    @property
    def exit_code(self) -> ExitCode:
        """Whether everything planned was done."""
        return ExitCode.PARTIAL if self.skipped else ExitCode.OK

    def sections(self) -> Sequence[Section]:
        """Return the sum, then what was left as it was."""
        done = f"{self.linked_count} copies became hard links, {self.removed_count} names went."
        freed = f"{format_bytes(self.freed_bytes)} were freed in {format_seconds(self.elapsed_s)}."
        shown: list[Section] = [Note("Deduped", (freed, done))]
        if self.skipped:
            shown.append(_skipped_table("Left as they were", self.skipped))
        return (*shown, *_kept_back(self.kept_back))


def _kept_back(skipped: tuple[Skipped, ...]) -> tuple[Section, ...]:
    """Return each reason with the number of names it holds back, then the first of them."""
    if not skipped:
        return ()
    reasons = Counter(entry.reason for entry in skipped)
    lines = tuple(f"{count} kept back: {reason}." for reason, count in reasons.items())
    return (Note("Kept back", lines), _skipped_table("Kept back, the first", skipped[:_ROWS_SHOWN]))


def _skipped_table(title: str, skipped: tuple[Skipped, ...]) -> Table:
    return Table(title, ("file", "reason"), tuple((str(entry.path), entry.reason) for entry in skipped))
