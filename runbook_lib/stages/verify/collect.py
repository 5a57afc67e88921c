"""Comparing files on disk with what the Hub listed, every content read once."""

import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.adapters.artifacts import STAMP_NAME
from runbook_lib.adapters.filesystem import describe_os_error
from runbook_lib.adapters.hashing import git_sha1_of, sha256_of
from runbook_lib.adapters.hub_cache import CachedRepo, ListedFile, Listing, repo_of
from runbook_lib.runs import OpenRun
from runbook_lib.settings import ModelRef
from runbook_lib.stages.download import DownloadFacts
from runbook_lib.stages.download.plan import wanted_models
from runbook_lib.stages.verify.facts import FileProblem, ProblemKind, VerifiedFolder, VerifyFacts


@dataclass
class Hasher:
    """Hashes files on all cores, each inode once; hashlib lets go of the interpreter lock."""

    pool: ThreadPoolExecutor
    hashed_bytes: int = 0
    _known: dict[tuple[int, int, bool], "Future[str]"] = field(default_factory=dict)

    def submit(self, path: Path, facts: os.stat_result, *, lfs: bool) -> "Future[str]":
        """Return the future hash of the content: SHA-256 for LFS files, git's blob id otherwise."""
        key = (facts.st_dev, facts.st_ino, lfs)
        if key not in self._known:
            self.hashed_bytes += facts.st_size
            self._known[key] = self.pool.submit(sha256_of if lfs else git_sha1_of, path)
        return self._known[key]


def collect_verification(run: OpenRun) -> VerifyFacts:
    """Compare snapshot and artifacts folder of every wanted model; needs no network."""
    started = time.perf_counter()
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        hasher = Hasher(pool)
        folders = tuple(folder for model in wanted_models(run) for folder in _model_folders(run, model, hasher))
    return VerifyFacts(
        folders=folders,
        hashed_bytes=hasher.hashed_bytes,
        elapsed_s=round(time.perf_counter() - started, 3),
        threads=threads,
    )


def _model_folders(run: OpenRun, model: ModelRef, hasher: Hasher) -> tuple[VerifiedFolder, ...]:
    repo = repo_of(run.cache_dir, model)
    listing, source = _expected(run, repo, model)
    commit = listing.commit if listing else repo.commit_of(model.revision) or ""
    snapshot = repo.snapshot(commit) if commit else repo.folder / "snapshots"
    artifacts = run.artifacts_dir / model.folder_name
    leftovers = tuple(_leftover(path) for path in repo.leftovers())
    places = (("snapshot", snapshot, leftovers), ("artifacts", artifacts, ()))
    return tuple(
        VerifiedFolder(
            model=model,
            role=role,
            folder=str(folder),
            commit=commit,
            source=source,
            file_count=len(listing.files) if listing else 0,
            size_bytes=listing.size_bytes if listing else 0,
            problems=(*compare(folder, listing, hasher), *extra) if listing else _nothing_known(folder, model),
        )
        for role, folder, extra in places
    )


def _expected(run: OpenRun, repo: CachedRepo, model: ModelRef) -> tuple[Listing | None, str]:
    """Return what the Hub listed: as huggingface_hub 1.22 and later keeps it, else as our download recorded it."""
    kept = repo.listing(model.revision)
    if kept is not None:
        return kept, "the listing in the cache"
    if run.has("download"):
        listings = run.read("download", DownloadFacts).facts.listings()
        for listing in listings:
            if (listing.repo_id, listing.revision) == (model.repo_id, model.revision):
                return listing, "the record of stage download"
    return None, ""


def compare(folder: Path, listing: Listing, hasher: Hasher) -> tuple[FileProblem, ...]:
    """Return every difference between a folder and its listing, in the listing's order, then what is too much."""
    if not folder.is_dir():
        return (FileProblem(path=str(folder), kind=ProblemKind.MISSING, evidence="there is no such folder"),)
    pending = [(file, _look(folder / file.path, file, hasher)) for file in listing.files]
    found = (_settled(file, outcome) for file, outcome in pending)
    return (*(problem for problem in found if problem), *_unexpected(folder, (file.path for file in listing.files)))


def _look(path: Path, file: ListedFile, hasher: Hasher) -> "FileProblem | Future[str]":
    """Judge what needs no reading; hand the rest to the hasher."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        if os.path.lexists(path):
            target = path.readlink()
            return FileProblem(
                path=file.path, kind=ProblemKind.DANGLING, evidence=f"leads to {target}, which is not there"
            )
        return FileProblem(path=file.path, kind=ProblemKind.MISSING, evidence="listed by the Hub, not here")
    except OSError as error:
        return FileProblem(path=file.path, kind=ProblemKind.UNREADABLE, evidence=describe_os_error(error))
    if facts.st_size != file.size_bytes:
        evidence = f"{facts.st_size} bytes, {file.size_bytes} expected"
        return FileProblem(path=file.path, kind=ProblemKind.WRONG_SIZE, evidence=evidence)
    return hasher.submit(path, facts, lfs=file.sha256 is not None)


def _settled(file: ListedFile, outcome: "FileProblem | Future[str]") -> FileProblem | None:
    if isinstance(outcome, FileProblem):
        return outcome
    try:
        found = outcome.result()
    except OSError as error:
        return FileProblem(path=file.path, kind=ProblemKind.UNREADABLE, evidence=describe_os_error(error))
    if found == file.etag:
        return None
    algorithm = "sha256" if file.sha256 else "git-sha1"
    evidence = f"{algorithm} {found}, {file.etag} expected"
    return FileProblem(path=file.path, kind=ProblemKind.WRONG_HASH, evidence=evidence)


def _unexpected(folder: Path, listed: Iterable[str]) -> Iterator[FileProblem]:
    """Yield files no listing names; docling-tools and huggingface_hub keep their own notes below .cache."""
    expected = {*listed, STAMP_NAME}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name not in expected and not name.startswith(".cache/") and not path.is_dir():
            yield FileProblem(path=name, kind=ProblemKind.UNEXPECTED, evidence="the Hub does not list it")


def _leftover(path: Path) -> FileProblem:
    evidence = f"{path.stat().st_size} bytes; huggingface_hub 1.18 and later never resumes it"
    return FileProblem(path=path.name, kind=ProblemKind.LEFTOVER, evidence=evidence)


def _nothing_known(folder: Path, model: ModelRef) -> tuple[FileProblem, ...]:
    evidence = f"nothing is known of {model} on this machine: it was never downloaded here"
    return (FileProblem(path=str(folder), kind=ProblemKind.MISSING, evidence=evidence),)
