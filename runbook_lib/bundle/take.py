"""Taking a bundle: what the machine lacks is read and compared, then everything gets its place."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.bundle.facts import Imported, ImportedModel
from runbook_lib.bundle.read import Bundle, WantedBlob
from runbook_lib.bundle.staging import Staging, not_here, staged_in
from runbook_lib.bundle.standing import Standing, holds
from runbook_lib.bundle.wheel_folder import require_wheels, take_wheels
from runbook_lib.bundle.wheelhouse import WHEELS_LOCK
from runbook_lib.cache.artifacts import place_artifacts
from runbook_lib.cache.layout import CachedRepo, ListedFile, Listing, repo_of
from runbook_lib.cache.link_mode import LinkMode, choose_links
from runbook_lib.cache.listing_writer import write_listing
from runbook_lib.cache.locks import blob_lock, download_lock, hold
from runbook_lib.cache.refs import write_ref
from runbook_lib.cache.sharing import exchange
from runbook_lib.cache.tree_listing import tree_path
from runbook_lib.core import atomic
from runbook_lib.errors import BundleError, RegistryUnavailable
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.ocr.place import place_ocr
from runbook_lib.ocr.plan import plan_ocr
from runbook_lib.run.interpreter import packages_of
from runbook_lib.run.lock_file import LockedRepository, require_same_kind
from runbook_lib.run.target import Target
from runbook_lib.system.filesystem import examine_folder, refusals_told
from runbook_lib.system.progress import Counted, print_to_stderr, show_progress

_LOCK_LIMIT_S: Final = 60.0
_STAGING: Final = "runbook-import"


def import_bundle(
    target: Target, bundle: Bundle, papers_dir: Path | None = None, wheels_dir: Path | None = None
) -> Imported:
    """Put what a bundle carries into cache and artifacts folder; may be run again, and then does nothing.

    Papers and wheels go where folders are named for them. Nothing gets its place before every content of the models is
    compared with its hash; wheels come last, all or none. Raises `BundleError` for a bundle that is damaged or needs
    what is not here, `RecordError` for practice models where real ones are meant, `DiskError` when there is no room.
    """
    require_same_kind(target, bundle.lock, Path(bundle.source.words))
    if wheels_dir is not None:
        require_wheels(bundle)
    listings = {repo: repo.listing(repo.revision) for repo in bundle.lock.repositories}
    trees = {repo: bundle.listing_bytes(listing) for repo, listing in listings.items()}
    with (
        refusals_told(
            f"The bundle cannot be put into {target.cache_dir} and {target.artifacts_dir}.",
            "Name folders with enough space that this user may write to: --cache DIR, --artifacts DIR.",
        ),
        _nothing_left(target.cache_dir),
        hold(
            download_lock(target.cache_dir),
            "a download into this cache",
            limit_s=_LOCK_LIMIT_S,
            say=print_to_stderr,
        ),
    ):
        links = choose_links(target.settings.links, examine_folder("cache", target.cache_dir)).mode
        standing = Standing(target.cache_dir, target.artifacts_dir)
        return _Taking(target, bundle, links, standing, papers_dir, wheels_dir).take(listings, trees)


@contextmanager
def _nothing_left(cache_dir: Path) -> Iterator[None]:
    """Remove the folders that were made for a lock alone, when a bundle is refused."""
    new = [folder for folder in (cache_dir, *cache_dir.parents) if not os.path.lexists(folder)]
    try:
        yield
    except BaseException as error:
        if new and not isinstance(error, RegistryUnavailable):
            with suppress(OSError):
                download_lock(cache_dir).unlink()
            for folder in (download_lock(cache_dir).parent, *new):
                with suppress(OSError):
                    folder.rmdir()
        raise


@dataclass(frozen=True)
class _Taking:
    """One import."""

    target: Target
    bundle: Bundle
    links: LinkMode
    standing: Standing
    papers_dir: Path | None
    wheels_dir: Path | None

    def take(self, listings: dict[LockedRepository, Listing], trees: dict[LockedRepository, bytes | None]) -> Imported:
        """Stage what is lacking, then place."""
        absent = {
            repo: self.standing.absent(repo_of(self.target.cache_dir, repo.model), listing)
            for repo, listing in listings.items()
        }
        wanted = Counter(
            file.sha256
            for repo, files in absent.items()
            for file in repo.files
            if file.path in {listed.path for listed in files}
        )
        wanted.update(self._ocr_wanted())
        blobs = [blob for blob in self.bundle.blobs() if blob.sha256 in wanted]
        needed_bytes, links = sum(blob.size_bytes for blob in blobs), self.links is not LinkMode.COPY
        cache_dir = self.target.cache_dir
        folder = download_lock(cache_dir).parent / _STAGING
        with staged_in(folder, cache_dir, wanted, needed_bytes, links=links) as staging:
            read_bytes = self._stage(staging, blobs)
            models = tuple(
                self._placed(staging, repo, listings[repo], trees[repo], files) for repo, files in absent.items()
            )
            ocr = self._place_ocr(staging)
        return Imported(
            practice=self.bundle.lock.is_practice,
            links=self.links.value,
            models=models,
            ocr=ocr,
            read_bytes=read_bytes,
            signed_by=self.bundle.signed_by,
            papers=self._write_papers(self.papers_dir) if self.papers_dir else (),
            wheels=take_wheels(self.bundle, self.wheels_dir) if self.wheels_dir else None,
        )

    def _ocr_wanted(self) -> Iterator[str]:
        ocr = self.bundle.lock.ocr
        for file in ocr.files if ocr else ():
            if ocr and not holds(self.target.artifacts_dir / ocr.folder / file.path, file.sha256):
                yield file.sha256

    def _stage(self, staging: Staging, blobs: list[WantedBlob]) -> int:
        """Bring every content into the staging folder, from the bundle or from what stands here; returns bytes read."""
        here = {
            blob.sha256: self.standing.copy_of(blob)
            for blob in blobs
            if self.bundle.source.size_of(blob.sha256) is None
        }
        if lacking := [blob for blob in blobs if blob.sha256 in here and here[blob.sha256] is None]:
            raise not_here(self.bundle, lacking)
        carried = [blob for blob in blobs if blob.sha256 not in here]
        with show_progress("bundle", sum(blob.size_bytes for blob in carried)) as progress:
            counted = Counted(progress)
            for blob in carried:
                staging.fetch(self.bundle, blob, counted)
        for sha256, source in here.items():
            if source is not None:
                in_cache = source.is_relative_to(self.target.cache_dir.resolve())
                exchange(source, staging.path(sha256), hard_links=in_cache)
        return counted.done_bytes

    def _placed(
        self,
        staging: Staging,
        repository: LockedRepository,
        listing: Listing,
        tree: bytes | None,
        absent: tuple[ListedFile, ...],
    ) -> ImportedModel:
        """Give the contents of a model their names: files first, then the listing, then the refs that lead to them."""
        repo = repo_of(self.target.cache_dir, repository.model)
        sha256 = {file.path: file.sha256 for file in repository.files}
        for file in absent:
            self._put(staging, sha256[file.path], repo, listing.commit, file)
        path = tree_path(repo.folder, listing.commit)
        if tree is not None and not path.exists():
            atomic.write_bytes(path, tree)
        write_listing(repo, listing)
        for name in {repository.revision, *self.bundle.config.refs.get(repository.repo_id, ())} - {listing.commit}:
            if repo.commit_of(name) != listing.commit:
                write_ref(repo, name, listing.commit)
        placement = place_artifacts(
            listing,
            repo.snapshot(listing.commit),
            self.target.artifacts_dir / repository.model.folder_name,
            docling=packages_of(self.target.settings).version_text("docling") or self.bundle.lock.docling,
            link=self.links is not LinkMode.COPY,
        )
        return ImportedModel(
            name=str(repository.model),
            commit=listing.commit,
            placed=len(absent),
            kept=len(listing.files) - len(absent),
            placement=placement,
        )

    def _put(self, staging: Staging, sha256: str, repo: CachedRepo, commit: str, file: ListedFile) -> None:
        """Put one file as huggingface_hub would have put it, into a blob or into the snapshot itself."""
        name, blob = repo.snapshot(commit) / file.path, repo.blobs / file.etag
        with hold(
            blob_lock(self.target.cache_dir, repo.folder.name, file.etag),
            f"a download of {name.name}",
            limit_s=_LOCK_LIMIT_S,
        ):
            if self.links is not LinkMode.SYMLINK:
                self._give(staging, sha256, name)
                return
            if not self.standing.is_intact(blob, file):
                self._give(staging, sha256, blob)
                self.standing.forget(blob)
            link = name.with_name(f".{sha256[:6]}.rblink")
            name.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(blob, name.parent))
            link.replace(name)

    def _give(self, staging: Staging, sha256: str, name: Path) -> None:
        """Give a staged content a name: it moves there, unless it is to get more names."""
        staging.uses[sha256] -= 1
        if staging.uses[sha256] > 0:
            exchange(staging.path(sha256), name, hard_links=self.links is not LinkMode.COPY)
            return
        name.parent.mkdir(parents=True, exist_ok=True)
        staging.path(sha256).replace(name)

    def _place_ocr(self, staging: Staging) -> str:
        """Place the models of the OCR engine as stage download would, with the bundle in the engine's place."""
        ocr = self.bundle.lock.ocr
        if ocr is None:
            return ""
        files = tuple(
            ModelFile(name=file.path, url=file.url, sha256=file.sha256, shipped=str(staging.path(file.sha256)))
            for file in ocr.files
        )
        engine = f"{ocr.engine} with {ocr.backend}" if ocr.backend else ocr.engine
        plan = plan_ocr(engine, files, self.target.artifacts_dir / ocr.folder, mirror="", offline=True)
        placed = place_ocr(plan, mirror="", docling=self.bundle.lock.docling, deadline=0.0)
        if placed.failed:
            first = placed.failed[0]
            raise BundleError(
                f"{first.name} of {ocr.folder} was not put in place; the other models are.",
                why=first.problem,
                remedy="Run the import again: it continues with what is missing.",
            )
        return str(placed)

    def _write_papers(self, folder: Path) -> tuple[Path, ...]:
        """Write the lock file, the report and the other papers; listings stand in the cache, wheels in their folder."""
        names = [name for name in self.bundle.papers if not name.startswith("trees/") and name != WHEELS_LOCK]
        contents = {folder / name: self.bundle.paper(name) for name in names}
        for path, content in contents.items():
            atomic.write_bytes(path, content)
        return tuple(sorted(contents))
