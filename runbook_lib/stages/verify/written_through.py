"""Naming the event when a damaged file has several names: somebody wrote to one of them, and so to all."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runbook_lib.cache.artifacts import StampedFile, read_stamp
from runbook_lib.cache.etags import is_sha256
from runbook_lib.cache.hashing import git_sha1_of, sha256_of
from runbook_lib.cache.inventory import inventory
from runbook_lib.cache.layout import CachedRepo
from runbook_lib.cache.local_notes import note_of
from runbook_lib.stages.verify.facts import VerifiedFolder
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind

_OTHER_CONTENT: Final = frozenset(
    {
        ProblemKind.WRONG_SIZE,
        ProblemKind.WRONG_HASH,
        ProblemKind.EMPTY,
        ProblemKind.NUL_FILLED,
        ProblemKind.LFS_POINTER,
        ProblemKind.HTML_PAGE,
        ProblemKind.BAD_SAFETENSORS,
        ProblemKind.BAD_JSON,
    }
)
_NAMES_SHOWN: Final = 3


def named_event(folder: VerifiedFolder, places: Sequence[Path]) -> VerifiedFolder:
    """Return the folder with those problems named that came through another name of the file.

    Only what is seen is said: the file was written to since it was placed, or holds what huggingface_hub noted beside
    one of its names, or what another revision lists. A file that merely rotted under several names keeps its problem.
    """
    problems = tuple(_named(folder, problem, places) for problem in folder.problems)
    return folder if problems == folder.problems else folder.with_problems(problems)


def _named(folder: VerifiedFolder, problem: FileProblem, places: Sequence[Path]) -> FileProblem:
    if problem.kind not in _OTHER_CONTENT or not problem.etag:
        return problem
    with suppress(OSError):
        path = Path(os.path.realpath(Path(folder.folder, problem.path)))
        facts = path.stat()
        if facts.st_nlink > 1 and (event := _event(path, facts, problem, places)):
            return FileProblem(
                path=problem.path,
                kind=ProblemKind.WRITTEN_THROUGH,
                evidence=f"{event.seen}; {problem.evidence}",
                quirk=event.quirk,
                etag=problem.etag,
            )
    return problem


@dataclass(frozen=True)
class _Event:
    """What is seen of a write, and the quirk that explains it, if it is another one than that of the kind."""

    seen: str
    quirk: str = ""


@dataclass(frozen=True)
class _Placed:
    """A name of the file in the artifacts folder."""

    folder: Path
    name: str
    stamped: StampedFile | None

    @property
    def path(self) -> Path:
        return self.folder / self.name


def _event(path: Path, facts: os.stat_result, problem: FileProblem, places: Sequence[Path]) -> _Event | None:
    cache_dir, artifacts_dir = places
    names = tuple(_names(facts, places))
    placed = [place for name in names if (place := _placed(name, artifacts_dir))]
    content = sha256_of(path) if is_sha256(problem.etag) else git_sha1_of(path)
    for place in placed:
        note = note_of(place.folder, place.name)
        if note and note.etag == content:
            return _Event(f"written through from {place.path}: huggingface_hub noted commit {note.commit[:8]} there")
    revision = _revision_of(content, names, cache_dir)
    if revision and placed:
        return _Event(f"written through from {placed[0].path}, most likely: it holds what {revision} lists")
    all_names = f"under one of its {len(names)} names ({', '.join(map(str, names[:_NAMES_SHOWN]))})"
    if revision:
        return _Event(f"written {all_names}: it holds what {revision} lists")
    if any(place.stamped and not place.stamped.is_untouched(facts) for place in placed):
        return _Event(f"written {all_names} at {_when(facts)}, after it was placed", "consistency-check")
    return None


def _when(facts: os.stat_result) -> str:
    return f"{datetime.fromtimestamp(facts.st_mtime, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _names(facts: os.stat_result, places: Sequence[Path]) -> Iterator[Path]:
    """Yield the names of a file in cache and artifacts folder."""
    cache_dir, artifacts_dir = places
    return (entry.path for entry in inventory(cache_dir, artifacts_dir) if os.path.samestat(entry.st, facts))


def _placed(name: Path, artifacts_dir: Path) -> _Placed | None:
    if not name.is_relative_to(artifacts_dir):
        return None
    model, *rest = name.relative_to(artifacts_dir).parts
    stamp = read_stamp(artifacts_dir / model)
    relative = "/".join(rest)
    return _Placed(artifacts_dir / model, relative, stamp.files.get(relative) if stamp else None)


def _revision_of(content: str, names: Sequence[Path], cache_dir: Path) -> str:
    """Return which revision of the same repository lists the content; empty when none does."""
    inside = (name.relative_to(cache_dir).parts[0] for name in names if name.is_relative_to(cache_dir))
    for folder in dict.fromkeys(inside):
        repo = CachedRepo(cache_dir, folder.removeprefix("models--").replace("--", "/", 1))
        for snapshot in repo.snapshots():
            listing = repo.listing(snapshot.name)
            if listing and any(file.etag == content for file in listing.files):
                return f"commit {snapshot.name[:8]}"
    return ""
