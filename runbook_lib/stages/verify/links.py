"""Where the links of a Hub cache lead, and whether that is still inside."""

import os
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.stages.verify.problems import FileProblem, ProblemKind

_MAX_HOPS = 40
_EXTENDED_PREFIX = "\\\\?\\"


@dataclass(frozen=True)
class Bounds:
    """How far links may lead from a folder; every path is free of links itself."""

    home: Path
    """Links that stay in here need no word: the repository's folder, or the folder itself."""
    store: Path | None = None
    """A store that huggingface_hub shares between repositories (1.32 and later): worth a note."""
    outer: Path | None = None
    """Links that stay in here lead to another model; what leaves it has left the cache."""

    @classmethod
    def of(cls, home: Path, *, store: Path | None = None, outer: Path | None = None) -> "Bounds":
        """Resolve the folders; they need not exist."""
        return cls(_real(home), store and _real(store), outer and _real(outer))

    @classmethod
    def around(cls, folder: Path) -> "Bounds":
        """Return the bounds of a folder by its place: a snapshot's links lead to the blobs of its repository."""
        if folder.parent.name != "snapshots":
            return cls.of(folder)
        repo = folder.parent.parent
        return cls.of(repo, store=repo.parent / "blobs", outer=repo.parent)

    def leads(self, end: Path) -> ProblemKind | None:
        """Return what is to be said of a file that really stands at `end`."""
        if end.is_relative_to(self.home):
            return None
        if self.store and end.is_relative_to(self.store):
            return ProblemKind.SHARED
        return ProblemKind.FOREIGN if self.outer and end.is_relative_to(self.outer) else ProblemKind.ESCAPING


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def link_chain(path: Path) -> tuple[Path, ...]:
    """Return the path and every path its links name in turn, each free of linked folders; the last need not exist."""
    hops = [_real(path.parent) / path.name]
    while len(hops) <= _MAX_HOPS and os.path.islink(hops[-1]):  # noqa: PTH114 - twin of realpath, which pathlib lacks
        target = os.readlink(hops[-1]).removeprefix(_EXTENDED_PREFIX)  # noqa: PTH115 - Windows prefixes it
        step = hops[-1].parent / target
        hops.append(_real(step.parent) / step.name)
    return tuple(hops)


def judge_link(name: str, path: Path, bounds: Bounds) -> FileProblem | None:
    """Judge where an existing file really stands."""
    end = _real(path)
    kind = bounds.leads(end)
    return FileProblem(path=name, kind=kind, evidence=f"stands at {end}") if kind else None


def dangling(name: str, path: Path, bounds: Bounds, etag: str) -> FileProblem:
    """Describe a link to nothing; where it ends says how that came about."""
    end = link_chain(path)[-1]
    if bounds.store and end.is_relative_to(bounds.store):
        quirk, why = "shared-blobs-escape", "the store shared between repositories was not copied along"
    elif not end.parent.is_dir():
        quirk, why = "cache-copied-dangling", "nor is its folder: the links were copied without what they lead to"
    else:
        quirk, why = "win-symlink-dangling", "the content is gone"
    evidence = f"leads to {end}, which is not there; {why}"
    return FileProblem(path=name, kind=ProblemKind.DANGLING, evidence=evidence, quirk=quirk, etag=etag)
