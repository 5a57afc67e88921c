"""What a bundle holds, and what a machine or another bundle lacks of it."""

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from runbook_lib.bundle.facts import ShownBundle, ShownModel
from runbook_lib.bundle.read import Bundle, open_bundle, verify_contents
from runbook_lib.bundle.sources import opened_source
from runbook_lib.bundle.standing import Standing, holds
from runbook_lib.cache.layout import repo_of
from runbook_lib.run.lock_file import LockedFile, LockedModelFile, LockedRepository, LockFile, read_lock
from runbook_lib.run.target import Target

Lacking = Callable[[LockedRepository], frozenset[str]]


def show_bundle(bundle: Bundle, *, verify: bool = False) -> ShownBundle:
    """Return what a bundle holds; with `verify` every content is read and compared, and a wrong one raises."""
    if verify:
        verify_contents(bundle)
    return _shown(bundle, is_verified=verify)


def compare_with_machine(bundle: Bundle, target: Target) -> ShownBundle:
    """Return what cache and artifacts folder lack of a bundle; reads what stands there, changes nothing."""
    standing = Standing(target.cache_dir, target.artifacts_dir)

    def lacking(repository: LockedRepository) -> frozenset[str]:
        listing = repository.listing(repository.revision)
        return frozenset(file.path for file in standing.absent(repo_of(target.cache_dir, repository.model), listing))

    ocr = bundle.lock.ocr
    ocr_lacking = (
        frozenset(
            file.path for file in ocr.files if not holds(target.artifacts_dir / ocr.folder / file.path, file.sha256)
        )
        if ocr
        else frozenset()
    )
    return _shown(bundle, lacking, ocr_lacking, compared_with="this machine")


def compare_with_other(bundle: Bundle, other: Path) -> ShownBundle:
    """Return what another bundle, or a machine whose lock file is given, lacks of a bundle."""
    have = contents_of(other)

    def lacking(repository: LockedRepository) -> frozenset[str]:
        return frozenset(file.path for file in repository.files if file.sha256 not in have)

    ocr = bundle.lock.ocr
    ocr_lacking = frozenset(file.path for file in ocr.files if file.sha256 not in have) if ocr else frozenset()
    return _shown(bundle, lacking, ocr_lacking, compared_with=str(other))


def contents_of(other: Path) -> frozenset[str]:
    """Return the SHA-256 of all that a bundle or a lock file names: what a machine has that took it.

    Raises `BundleError` or `RecordError` when it is neither.
    """
    lock = read_lock(other) if _is_lock(other) else _lock_of(other)
    ocr = lock.ocr.files if lock.ocr else ()
    return frozenset(file.sha256 for repo in lock.repositories for file in repo.files) | {file.sha256 for file in ocr}


def _is_lock(path: Path) -> bool:
    if not path.is_file() or path.suffix != ".json":
        return False
    try:
        LockFile.model_validate_json(path.read_bytes())
    except ValidationError:
        return path.name != "index.json"  # so that what is wrong with it is said
    return True


def _lock_of(path: Path) -> LockFile:
    with opened_source(path) as source:
        return open_bundle(source).lock


def _shown(
    bundle: Bundle,
    lacking: Lacking | None = None,
    ocr_lacking: frozenset[str] = frozenset(),
    *,
    compared_with: str = "",
    is_verified: bool = False,
) -> ShownBundle:
    models = [
        _model(str(repo.model), repo.commit, repo.files, lacking(repo) if lacking else None)
        for repo in bundle.lock.repositories
    ]
    if ocr := bundle.lock.ocr:
        models.append(_model(str(ocr.model), "", ocr.files, ocr_lacking if lacking else None))
    sizes = {blob.sha256: blob.size_bytes for blob in bundle.blobs()}
    carried = sum(size for sha256, size in sizes.items() if bundle.source.size_of(sha256) is not None)
    return ShownBundle(
        practice=bundle.lock.is_practice,
        made_by=bundle.config.made_by,
        models=tuple(models),
        papers=tuple(sorted(bundle.papers)),
        carried_bytes=carried,
        left_out_bytes=sum(sizes.values()) - carried,
        wheels=len(bundle.wheels.wheels) if bundle.wheels else 0,
        signed_by=bundle.signed_by,
        compared_with=compared_with,
        is_verified=is_verified,
    )


def _model(
    name: str, commit: str, files: tuple[LockedFile, ...] | tuple[LockedModelFile, ...], lacking: frozenset[str] | None
) -> ShownModel:
    return ShownModel(
        name=name,
        commit=commit,
        file_count=len(files),
        size_bytes=sum(file.size_bytes for file in files),
        lacking_bytes=None if lacking is None else sum(file.size_bytes for file in files if file.path in lacking),
        lacking=tuple(sorted(lacking or ())),
    )
