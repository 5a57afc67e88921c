"""Comparing a folder with what it should hold; usable without a run."""

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runbook_lib.cache.artifacts import is_temporary
from runbook_lib.cache.content_signs import PICKLE_SUFFIXES, Finding, Sign, is_pickle, look_at
from runbook_lib.cache.hashing import NotARegularFile, kind_of
from runbook_lib.cache.inventory import files_below
from runbook_lib.cache.layout import Listing
from runbook_lib.stages.verify.expected import Expectation, ExpectedFile
from runbook_lib.stages.verify.hasher import Hasher, HashKey
from runbook_lib.stages.verify.links import Bounds, dangling, judge_link
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind
from runbook_lib.system.filesystem import describe_os_error

_WINDOWS_QUIRKS: Final = {
    448: "win-reparse-448",
    1463: "nas-cross-os-1463",
    206: "win-max-path",
    32: "win-file-in-use",
    33: "win-file-in-use",
}


def verify_folder(
    folder: Path, expected: Listing | Expectation, *, bounds: Bounds | None = None
) -> tuple[FileProblem, ...]:
    """Return every difference between a folder and its listing: listed files in their order, then what is too much.

    Reads each content once, on all cores, in bounded memory; changes nothing and needs no network.
    """
    hasher = Hasher()
    expectation = Expectation.of(expected) if isinstance(expected, Listing) else expected
    comparison = Comparison.start(folder, expectation, bounds or Bounds.around(folder), hasher)
    hasher.run()
    return comparison.problems(hasher)


def glance_at(folder: Path, expected: Expectation, bounds: Bounds) -> tuple[FileProblem, ...]:
    """Return what names, links and lengths tell to be wrong, in a folder that is there; reads no intact file."""
    looked = (_examine(folder / file.path, file, bounds) for file in expected.files)
    return tuple(outcome for outcome in looked if isinstance(outcome, FileProblem))


@dataclass
class Comparison:
    """A folder under comparison: looked at, its hashes ordered, not read yet."""

    folder: Path
    expectation: Expectation
    bounds: Bounds
    tells_unexpected: bool = True
    """Whether a file that is not expected is worth telling: a folder may be shared."""
    _awaited: list[tuple[ExpectedFile, FileProblem | HashKey]] = field(default_factory=list)

    @classmethod
    def start(cls, folder: Path, expectation: Expectation, bounds: Bounds, hasher: Hasher) -> "Comparison":
        """Look at every listed file and order the hashes that are needed."""
        comparison = cls(folder, expectation, bounds)
        if folder.is_dir():
            comparison._awaited = [(file, comparison._look(file, hasher)) for file in expectation.files]
        return comparison

    def problems(self, hasher: Hasher) -> tuple[FileProblem, ...]:
        """Return what is wrong, once the hasher has run."""
        if not self.folder.is_dir():
            return (FileProblem(path=str(self.folder), kind=ProblemKind.MISSING, evidence="there is no such folder"),)
        extra = unexpected(self.folder, self.expectation) if self.tells_unexpected else ()
        return (*self._listed(hasher), *self._links(), *extra)

    def _look(self, file: ExpectedFile, hasher: Hasher) -> FileProblem | HashKey:
        path = self.folder / file.path
        outcome = _examine(path, file, self.bounds)
        return outcome if isinstance(outcome, FileProblem) else hasher.order(path, outcome, file.algorithm)

    def _listed(self, hasher: Hasher) -> Iterator[FileProblem]:
        for file, awaited in self._awaited:
            problem = awaited if isinstance(awaited, FileProblem) else self._hashed(file, awaited, hasher)
            if problem:
                yield problem

    def _hashed(self, file: ExpectedFile, key: HashKey, hasher: Hasher) -> FileProblem | None:
        try:
            return _settled(self.folder / file.path, file, hasher.hash_of(key))
        except OSError as error:
            return unreadable(file.path, error, file.etag)

    def _links(self) -> Iterator[FileProblem]:
        """Yield files that really stand elsewhere; those in the shared store in one line, for they are as meant."""
        present = ((file.path, self.folder / file.path) for file, _ in self._awaited if file.is_safe)
        judged = (judge_link(name, path, self.bounds) for name, path in present if os.path.exists(path))  # noqa: PTH110 - Path.exists raises for a name that is too long
        found = [problem for problem in judged if problem]
        yield from (problem for problem in found if problem.kind is not ProblemKind.SHARED)
        if shared := Counter(problem.kind for problem in found)[ProblemKind.SHARED]:
            evidence = f"{shared} files really stand in {self.bounds.store}: copying this folder alone is not enough"
            yield FileProblem(path=".", kind=ProblemKind.SHARED, evidence=evidence)


def _examine(path: Path, file: ExpectedFile, bounds: Bounds) -> FileProblem | os.stat_result:
    """Judge what needs no reading of the whole; return the file's stat when only the hash is left to compare."""
    if not file.is_safe:
        return FileProblem(path=file.path, kind=ProblemKind.UNSAFE_NAME, evidence="it would not stay in its folder")
    try:
        facts = path.stat()
    except OSError as error:
        return _absent(path, file, bounds, error)
    if not stat.S_ISREG(facts.st_mode):
        evidence = f"{kind_of(facts.st_mode)} stands there"
        return FileProblem(path=file.path, kind=ProblemKind.NOT_A_FILE, evidence=evidence, etag=file.etag)
    if file.size_bytes is None or facts.st_size == file.size_bytes:
        return facts
    return _explained(path, file, ProblemKind.WRONG_SIZE, f"{facts.st_size} bytes, {file.size_bytes} expected")


def _absent(path: Path, file: ExpectedFile, bounds: Bounds, error: OSError) -> FileProblem:
    gone = isinstance(error, (FileNotFoundError, NotADirectoryError)) or error.errno == errno.ELOOP
    if gone and path.is_symlink():
        return dangling(file.path, path, bounds, file.etag)
    if gone:
        return FileProblem(path=file.path, kind=ProblemKind.MISSING, evidence="listed, not here", etag=file.etag)
    return unreadable(file.path, error, file.etag)


def unreadable(name: str, error: OSError, etag: str = "") -> FileProblem:
    """Describe a file that the system does not let us read."""
    kind = ProblemKind.NOT_A_FILE if isinstance(error, NotARegularFile) else ProblemKind.UNREADABLE
    evidence = error.strerror if isinstance(error, NotARegularFile) else describe_os_error(error)
    quirk = _WINDOWS_QUIRKS.get(getattr(error, "winerror", None) or 0, "")
    return FileProblem(path=name, kind=kind, evidence=evidence or "", quirk=quirk, etag=etag)


def _settled(path: Path, file: ExpectedFile, found: str) -> FileProblem | None:
    if found == file.digest:
        finding = is_pickle(path) if path.suffix.lower() in PICKLE_SUFFIXES else None
        return _signed(file.path, finding) if finding else None
    return _explained(path, file, ProblemKind.WRONG_HASH, f"{file.algorithm} {found}, {file.digest} expected")


def _explained(path: Path, file: ExpectedFile, kind: ProblemKind, evidence: str) -> FileProblem:
    """Name what stands there in place of the file, when its content tells."""
    try:
        finding = look_at(path, known_bad=True)
    except OSError:
        finding = None
    if finding and finding.sign is not Sign.PICKLE:  # a pickle is a format, and no reason for another hash
        kind = ProblemKind(finding.sign.value)
        evidence = f"{finding.evidence}; {evidence}"
    return FileProblem(path=file.path, kind=kind, evidence=evidence, etag=file.etag)


def _signed(name: str, finding: Finding) -> FileProblem:
    return FileProblem(path=name, kind=ProblemKind(finding.sign.value), evidence=finding.evidence)


def inspect_folder(folder: Path) -> tuple[FileProblem, ...]:
    """Return what the contents tell by themselves, for a folder of which no hash is known."""
    return tuple(problem for path in files_below(folder) if (problem := _inspected(folder, path)))


def _inspected(folder: Path, path: Path) -> FileProblem | None:
    name = path.relative_to(folder).as_posix()
    try:
        finding = look_at(path)
    except FileNotFoundError:
        return dangling(name, path, Bounds.around(folder), "")
    except OSError as error:
        return unreadable(name, error)
    return _signed(name, finding) if finding else None


def unexpected(folder: Path, expectation: Expectation) -> Iterator[FileProblem]:
    """Yield files that the listing does not name."""
    listed = set(expectation.names())
    for path in files_below(folder):
        name = path.relative_to(folder).as_posix()
        if name not in listed and not is_temporary(path.name):
            yield FileProblem(path=name, kind=ProblemKind.UNEXPECTED, evidence="the listing does not name it")
