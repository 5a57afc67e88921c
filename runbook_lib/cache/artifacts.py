"""docling's artifacts folder: one `org--name` folder a model, made from a snapshot that its stamp names."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from runbook_lib.cache import local_notes
from runbook_lib.cache.etags import is_sha256
from runbook_lib.cache.hashing import git_sha1_of, sha256_of
from runbook_lib.cache.layout import ListedFile, Listing
from runbook_lib.cache.paths import is_safe_path
from runbook_lib.cache.sharing import Sharing, exchange
from runbook_lib.cache.tree_listing import digest_of, tree_path
from runbook_lib.cache.walk import walk
from runbook_lib.core import atomic
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Value
from runbook_lib.errors import DiskError, HubError

STAMP_NAME = ".runbook-artifacts.json"

_TEMPORARY = re.compile(r"\.[0-9a-f]{6}\.rbcopy|\.(?:\.runbook-artifacts\.json\.)?[0-9a-f]{8}\.tmp")
"""Names under which a file or stamp is on its way; those in `.tmp` were also given by versions before 1.8."""


class StampedFile(Value):
    """A file as it was when it was placed."""

    etag: str
    size_bytes: int
    mtime_ns: int

    def is_untouched(self, facts: os.stat_result) -> bool:
        """Whether nobody has written to the file since; by its length and time, no content is read."""
        return (facts.st_size, facts.st_mtime_ns) == (self.size_bytes, self.mtime_ns)


class Stamp(Value):
    """Which snapshot a model folder was made from, and for which docling (quirk Q31)."""

    schema_version: Literal[1] = 1
    repo_id: str
    revision: str
    commit: str
    docling: str
    files: dict[str, StampedFile]
    listing_sha256: str = ""
    """Of the listing in the cache (`tree_listing.digest_of`); empty when there was none."""
    checksum: str = ""
    """SHA-256 of all the rest, so that damage shows wherever it strikes; empty in stamps of older versions."""

    def sealed(self) -> "Stamp":
        """Return the stamp with its checksum."""
        return self._anew(self.files, self._content_sha256())

    def placed_anew(self, name: str, file: StampedFile) -> "Stamp":
        """Return the stamp, sealed, after one of its files was placed once more."""
        return self._anew({**self.files, name: file}, "").sealed()

    def _anew(self, files: dict[str, StampedFile], checksum: str) -> "Stamp":
        return Stamp(
            repo_id=self.repo_id,
            revision=self.revision,
            commit=self.commit,
            docling=self.docling,
            files=files,
            listing_sha256=self.listing_sha256,
            checksum=checksum,
        )

    def is_whole(self) -> bool:
        """Whether the stamp is as it was written, as far as it can tell."""
        return self.checksum in ("", self._content_sha256())

    def _content_sha256(self) -> str:
        return hashlib.sha256(self.model_dump_json(exclude={"checksum"}).encode()).hexdigest()


class Placement(Value):
    """What was done to make a model folder match its snapshot."""

    linked: int = 0
    cloned: int = 0
    """Reflinks, which take no space either."""
    copied: int = 0
    kept: int = 0
    removed: int = 0

    def __str__(self) -> str:
        cloned = f"{self.cloned} reflinks, " if self.cloned else ""
        return f"{self.linked} hard links, {cloned}{self.copied} copies, {self.kept} kept, {self.removed} removed"


def read_stamp(folder: Path) -> Stamp | None:
    """Return the stamp of a model folder; None when there is none, or it is damaged or names foreign places."""
    try:
        stamp = Stamp.model_validate_json((folder / STAMP_NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    return stamp if stamp.is_whole() and all(map(is_safe_path, stamp.files)) else None


def is_placed(folder: Path, model: ModelRef) -> bool:
    """Whether the folder was made for this model and holds its files as they were placed.

    Reads a content only where length or time say that the file was written to since, or copied without its time.
    """
    stamp = read_stamp(folder)
    if stamp is None or (stamp.repo_id, stamp.revision) != (model.repo_id, model.revision):
        return False
    return all(_is_as_placed(folder / path, file) for path, file in stamp.files.items())


def _is_as_placed(path: Path, file: StampedFile) -> bool:
    try:
        facts = path.stat()
        return facts.st_size == file.size_bytes and (file.is_untouched(facts) or _etag_of(path, file) == file.etag)
    except OSError:
        return False


def written_since(folder: Path) -> tuple[str, ...]:
    """Return the files that are there and whose length or time is not what the stamp says; reads no content."""
    stamp = read_stamp(folder)
    return (
        tuple(name for name, file in sorted(stamp.files.items()) if _was_written(folder / name, file)) if stamp else ()
    )


def _was_written(path: Path, file: StampedFile) -> bool:
    with suppress(OSError):
        return not file.is_untouched(path.stat())
    return False


def placing_leftovers(folder: Path) -> tuple[Path, ...]:
    """Return the temporary names that a placing left when it was killed."""
    return tuple(folder / name for name, _ in walk(folder) if is_temporary(name.rpartition("/")[2]))


def is_temporary(name: str) -> bool:
    """Whether placing gives such names to files that are on their way."""
    return _TEMPORARY.fullmatch(name) is not None


def place_artifacts(listing: Listing, snapshot: Path, folder: Path, *, docling: str, link: bool) -> Placement:
    """Make `folder` hold the snapshot's files; what stands there rightly is kept, what an older revision left goes.

    The caller holds the download lock. Weights (LFS files) share their content with the cache when `link` allows: as
    reflinks where the volume has them; else as hard links, if huggingface_hub has never downloaded to this folder, and
    then it is kept from doing so; else they are copies, as small files always are: people edit a config, and an editor
    writes through a hard link. Files that no stamp names are left alone. No note of huggingface_hub is left that is
    not true. Raises `DiskError`, before the file is replaced, where the snapshot itself is found to be damaged.
    """
    _require_safe(listing)
    for leftover in placing_leftovers(folder):
        leftover.unlink(missing_ok=True)
    stamp = read_stamp(folder)
    placing = _Placing(snapshot, folder, stamp.files if stamp else {}, link, not local_notes.is_written_by_hub(folder))
    counts = {"linked": 0, "cloned": 0, "copied": 0, "kept": 0}
    for file in listing.files:
        _forget_unless_true(folder, listing.commit, file)
        counts[placing.place(file)] += 1
    removed = sum(_remove(folder, name) for name in placing.known.keys() - {file.path for file in listing.files})
    if not placing.holds_links(listing):
        local_notes.reopen(folder)
    written = Stamp(
        repo_id=listing.repo_id,
        revision=listing.revision,
        commit=listing.commit,
        docling=docling,
        files=dict(_stamped(listing, folder)),
        listing_sha256=digest_of(tree_path(snapshot.parent.parent, listing.commit)),
    ).sealed()
    if written != stamp:
        atomic.write_text(folder / STAMP_NAME, written.model_dump_json(indent=2) + "\n")
    return Placement(removed=removed, **counts)


def share_placed(folder: Path, name: str, source: Path) -> None:
    """Let a placed file share the content of `source`, which is known to be the same, as placing would have done.

    Raises `OSError` when only a copy could be made of it.
    """
    links = not local_notes.is_written_by_hub(folder)
    was_closed = local_notes.is_closed(folder)
    if links:
        local_notes.close(folder)
    sharing = exchange(source, folder / name, hard_links=links, copies=False)
    if sharing is Sharing.CLONED and not was_closed:
        local_notes.reopen(folder)
    stamp = read_stamp(folder)
    if stamp and name in stamp.files:
        st = (folder / name).stat()
        file = StampedFile(etag=stamp.files[name].etag, size_bytes=st.st_size, mtime_ns=st.st_mtime_ns)
        atomic.write_text(folder / STAMP_NAME, stamp.placed_anew(name, file).model_dump_json(indent=2) + "\n")


def _require_safe(listing: Listing) -> None:
    for file in listing.files:
        if not is_safe_path(file.path):
            raise HubError(
                f"{listing.repo_id} lists a file that would land outside its folder: {file.path!r}.",
                why="A path with .., a root or a drive in it has no place in a model.",
                remedy="Do not use this repository or mirror; nothing was written outside the artifacts folder.",
            )


def _forget_unless_true(folder: Path, commit: str, file: ListedFile) -> None:
    """Remove hub's note of a file before the file is replaced: a note that outlives its file is believed."""
    note = local_notes.note_of(folder, file.path)
    if note is None or (note.commit, note.etag) != (commit, file.etag):
        local_notes.forget(folder, file.path)


_COUNTED_AS: Final = {Sharing.CLONED: "cloned", Sharing.LINKED: "linked", Sharing.COPIED: "copied"}


@dataclass(frozen=True)
class _Placing:
    """One placing: from where to where, what the stamp knows, and which ways of sharing are open."""

    snapshot: Path
    folder: Path
    known: Mapping[str, StampedFile]
    shares: bool
    hard_links: bool

    def place(self, file: ListedFile) -> str:
        """Make one file right; returns which count of `Placement` it belongs to."""
        source, target = (self.snapshot / file.path).resolve(), self.folder / file.path
        facts = source.stat()
        self._require_intact(file, source, target, facts)
        shares = self.shares and file.sha256 is not None
        links = shares and self.hard_links
        linked = _is_same(target, facts)
        if (links and local_notes.is_closed(self.folder)) if linked else self._stands(file, target):
            return "kept"
        if links:
            local_notes.close(self.folder)
        sharing = exchange(source, target, clones=shares, hard_links=links)
        return "kept" if linked and sharing is Sharing.LINKED else _COUNTED_AS[sharing]

    def _stands(self, file: ListedFile, target: Path) -> bool:
        """Whether a file of its own is there and is what was placed."""
        known = self.known.get(file.path)
        return known is not None and known.etag == file.etag and target.is_file() and known.is_untouched(target.stat())

    def _require_intact(self, file: ListedFile, source: Path, target: Path, facts: os.stat_result) -> None:
        """Raise `DiskError` when the snapshot's file has another length, or was written to since it was placed."""
        known = self.known.get(file.path)
        doubted = known is not None and known.etag == file.etag and _is_same(target, facts)
        doubted = doubted and known is not None and not known.is_untouched(facts)
        if facts.st_size == file.size_bytes and not (doubted and _etag_of(source, file) != file.etag):
            return
        raise DiskError(
            f"{source} is not what the Hub lists, and was not placed.",
            why=f"{target} and it are one file, and a program has written to it since it was placed."
            if doubted
            else f"It holds {facts.st_size} bytes, {file.size_bytes} are listed.",
            remedy="Run runbook repair: it takes an intact copy where this machine has one, and fetches it otherwise.",
        )

    def holds_links(self, listing: Listing) -> bool:
        """Whether a file of the folder is one with the cache's."""
        return any(_is_same(self.folder / file.path, (self.snapshot / file.path).stat()) for file in listing.files)


def _is_same(target: Path, source: os.stat_result) -> bool:
    with suppress(OSError):
        return os.path.samestat(target.stat(), source)
    return False


def _etag_of(path: Path, file: ListedFile | StampedFile) -> str:
    return sha256_of(path) if is_sha256(file.etag) else git_sha1_of(path)


def _stamped(listing: Listing, folder: Path) -> Iterator[tuple[str, StampedFile]]:
    for file in listing.files:
        facts = (folder / file.path).stat()
        yield file.path, StampedFile(etag=file.etag, size_bytes=facts.st_size, mtime_ns=facts.st_mtime_ns)


def _remove(folder: Path, name: str) -> bool:
    local_notes.forget(folder, name)
    with suppress(FileNotFoundError):
        (folder / name).unlink()
        return True
    return False
