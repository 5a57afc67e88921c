"""Which names have to go so that a bad content is gone: the file, what its links lead to, and its other names."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.cache.inventory import Entry, Role, inventory
from runbook_lib.cache.layout import CachedRepo
from runbook_lib.stages.verify.links import link_chain
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind
from runbook_lib.upkeep.repair.facts import Move

_ONLY_THE_LINK = frozenset({ProblemKind.ESCAPING, ProblemKind.FOREIGN})
_REPO_PREFIX = "models--"


@dataclass(frozen=True)
class Territory:
    """Where repair may move things: the cache and the artifacts folder, and nothing outside them."""

    cache_dir: Path
    artifacts_dir: Path

    @classmethod
    def of(cls, cache_dir: Path, artifacts_dir: Path) -> "Territory":
        """Resolve both folders; they need not exist."""
        return cls(Path(os.path.realpath(cache_dir)), Path(os.path.realpath(artifacts_dir)))

    def move(self, path: Path, repo: CachedRepo, reason: str) -> Move | None:
        """Plan to move a name aside; None for what lies outside. The path must be free of linked folders."""
        if path.is_relative_to(self.artifacts_dir):
            return Move(source=path, home=self.artifacts_dir, place=path.relative_to(self.artifacts_dir), reason=reason)
        if not path.is_relative_to(self.cache_dir):
            return None
        place = path.relative_to(self.cache_dir)
        if place.parts[0].startswith(_REPO_PREFIX):
            home = self.cache_dir / place.parts[0]
            return Move(source=path, home=home, place=path.relative_to(home), reason=reason)
        home = self.cache_dir / repo.folder.name  # the store shared by all repositories has no place for it
        return Move(source=path, home=home, place=Path("shared-store", place), reason=reason)

    def files(self) -> Iterator[Entry]:
        """Yield every name in cache and artifacts folder, without what is in quarantine."""
        entries = inventory(self.cache_dir, self.artifacts_dir if self.artifacts_dir != self.cache_dir else None)
        return (entry for entry in entries if entry.role is not Role.QUARANTINE)


def names_behind(folder: Path, problem: FileProblem) -> tuple[Path, ...]:
    """Return the names that have to go for one problem of a folder, links first.

    A link that names another blob than the listing does is wrong itself: the blob may be good for another file.
    """
    if problem.kind is ProblemKind.MISSING:
        return tuple(_in_the_way(folder, folder / problem.path))
    chain = link_chain(folder / problem.path)
    if problem.kind in _ONLY_THE_LINK or _names_another_blob(chain, problem):
        return chain[:1]
    return tuple(path for path in chain if os.path.lexists(path))


def _names_another_blob(chain: tuple[Path, ...], problem: FileProblem) -> bool:
    return len(chain) > 1 and bool(problem.etag) and chain[1].name != problem.etag


def blames_the_listing(folder: Path, problem: FileProblem) -> bool:
    """Whether link and content agree with each other and not with the listing, so that it may be the one at fault."""
    chain = link_chain(folder / problem.path)
    return len(chain) > 1 and chain[1].name != problem.etag and chain[1].name in problem.evidence


def _in_the_way(folder: Path, path: Path) -> Iterator[Path]:
    """Yield what stands where a folder has to be made; of a folder that is missing itself, the path is the folder."""
    for place in (path, *path.parents):
        if place.is_relative_to(folder) and os.path.lexists(place) and not place.is_dir():
            yield Path(os.path.realpath(place.parent)) / place.name


def other_names(territory: Territory, bad: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the other hard links of bad files, wherever they stand in cache and artifacts folder."""
    looked = [path.lstat() for path in bad if os.path.lexists(path)]
    inodes = {(st.st_dev, st.st_ino) for st in looked if st.st_nlink > 1 and st.st_ino}
    known = set(bad)
    if not inodes:
        return
    for entry in territory.files():
        if entry.file_id in inodes and entry.path not in known:
            yield entry.path
