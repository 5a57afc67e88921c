"""Where the expected hashes come from: a lock file, the cache, the folder's own notes, the record of the download."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.cache.artifacts import Stamp, read_stamp
from runbook_lib.cache.etags import is_commit, is_etag
from runbook_lib.cache.inventory import files_below
from runbook_lib.cache.layout import CachedRepo, Listing
from runbook_lib.cache.local_notes import HUGGINGFACE
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import RecordError
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.download.facts import DownloadFacts
from runbook_lib.stages.verify.bookkeeping import named_commit, odd_listing, unread_listing
from runbook_lib.stages.verify.expected import Expectation, ExpectedFile
from runbook_lib.stages.verify.links import link_chain
from runbook_lib.stages.verify.local_folder import local_metadata
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind

IN_CACHE = "the listing in the cache"

Locked = Mapping[ModelRef, Expectation]


@dataclass(frozen=True)
class Known:
    """What is known of a folder before it is read; an expectation of None means that no hash is known."""

    expectation: Expectation | None = None
    problems: tuple[FileProblem, ...] = ()

    @property
    def commit(self) -> str:
        """The commit the folder should hold; empty when unknown."""
        return self.expectation.commit if self.expectation else ""


def known_of_snapshot(run: OpenRun, repo: CachedRepo, model: ModelRef, locked: Locked | None) -> Known:
    """Return what a snapshot should hold: by the lock file, the cache's own listing, or the record of the download."""
    named = named_commit(repo, model.revision, run.artifacts_dir / model.folder_name)
    commit, doubts = named.commit, named.problems
    if locked is not None and (expectation := locked.get(model)):
        return Known(expectation, (*doubts, *_moved_on(expectation.commit, commit)))
    if locked is not None:
        evidence = "another docling, or a new model"
        doubts = (*doubts, FileProblem(path=str(model), kind=ProblemKind.NOT_LOCKED, evidence=evidence))
    if commit and (listing := listing_of(repo, commit)):
        return Known(
            Expectation.of(listing.under(model.revision), IN_CACHE),
            (*doubts, *odd_listing(repo, commit, stamp_of(run, model))),
        )
    if commit:
        doubts = (*doubts, *unread_listing(repo, commit))
    if recorded := recorded_listing(run, model):
        return Known(Expectation.of(recorded, "the record of stage download"), doubts)
    return _by_blob_names(repo.snapshot(commit), commit, doubts) if commit else Known(None, doubts)


def _by_blob_names(snapshot: Path, commit: str, doubts: tuple[FileProblem, ...]) -> Known:
    """Take the hashes from the names of the blobs that the files link to; they cannot tell what is missing."""
    files = []
    for path in files_below(snapshot):
        blob = link_chain(path)[1:2]
        if not blob or not is_etag(blob[0].name):
            return Known(None, doubts)
        files.append(ExpectedFile.of_etag(path.relative_to(snapshot).as_posix(), blob[0].name))
    if not files:
        return Known(None, doubts)
    evidence = "blobs are named after their hash, so contents are compared; whether a file is missing nothing tells"
    doubt = FileProblem(path=".", kind=ProblemKind.UNVERIFIED, evidence=evidence)
    return Known(Expectation(commit, tuple(files), "the names of the blobs"), (*doubts, doubt))


def known_of_artifacts(folder: Path, repo: CachedRepo, snapshot: Known, *, locked: bool) -> Known:
    """Return what a model folder should hold: what was placed there, and whether that is what the cache has now."""
    own = None if locked else _stamped(folder, repo) or _local(folder)
    if own is None:
        return Known(snapshot.expectation)
    if own.commit == snapshot.commit:
        return Known(snapshot.expectation)
    if not snapshot.commit:
        return Known(own)
    evidence = f"it holds commit {own.commit[:8]}, the cache has {snapshot.commit[:8]}"
    return Known(own, (FileProblem(path=folder.name, kind=ProblemKind.OTHER_COMMIT, evidence=evidence),))


def commit_of(repo: CachedRepo, revision: str) -> str:
    """Return the commit a revision stands for in the cache; empty when it is unknown or its file is damaged."""
    return repo.commit_of(revision) or ""


def listing_of(repo: CachedRepo, revision: str) -> Listing | None:
    """Return the listing in the cache; None when there is none, or damage has left something else there."""
    try:
        return repo.listing(revision)
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return None


def stamp_of(run: OpenRun, model: ModelRef) -> Stamp | None:
    """Return the stamp of a model's folder in the artifacts folder."""
    return read_stamp(run.artifacts_dir / model.folder_name)


def _moved_on(locked: str, cached: str) -> tuple[FileProblem, ...]:
    if cached in ("", locked):
        return ()
    evidence = f"the lock file says {locked[:8]}, the cache knows {cached[:8]}"
    return (FileProblem(path=".", kind=ProblemKind.MOVED_ON, evidence=evidence),)


def recorded_listing(run: OpenRun, model: ModelRef) -> Listing | None:
    """Return what the Hub listed when stage download of this run asked it; None when it never did."""
    if not run.has("download"):
        return None
    try:
        listings = run.read("download", DownloadFacts).facts.listings()
    except RecordError:
        return None
    wanted = (model.repo_id, model.revision)
    return next((listing for listing in listings if (listing.repo_id, listing.revision) == wanted), None)


def _stamped(folder: Path, repo: CachedRepo) -> Expectation | None:
    stamp = read_stamp(folder)
    if stamp is None or not is_commit(stamp.commit):
        return None
    listing = listing_of(repo, stamp.commit)
    return Expectation.of(listing, IN_CACHE) if listing else _of_stamp(stamp)


def _of_stamp(stamp: Stamp) -> Expectation:
    files = (ExpectedFile.of_etag(path, file.etag, file.size_bytes) for path, file in sorted(stamp.files.items()))
    return Expectation(stamp.commit, tuple(files), "the stamp in the folder")


def _local(folder: Path) -> Expectation | None:
    """Return what docling-tools left in the folder: a listing, else the hashes it noted file by file."""
    listing = local_listing(folder)
    return Expectation.of(listing, "the listing in the folder") if listing else local_metadata(folder)


def local_listing(folder: Path) -> Listing | None:
    """Return the Hub's listing that a download to this very folder left, at the commit of the latest download."""
    noted = local_metadata(folder)
    return listing_of(_LocalTrees(folder / HUGGINGFACE), noted.commit) if noted else None


class _LocalTrees(CachedRepo):
    """The notes of a local folder, laid out like a repository's folder in a cache: trees/<commit>.json."""

    def __init__(self, folder: Path) -> None:
        super().__init__(cache_dir=folder, repo_id="")

    @property
    def folder(self) -> Path:
        """The folder of the notes."""
        return self.cache_dir
