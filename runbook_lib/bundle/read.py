"""Reading a bundle: every document is compared with its digest, and all of them with the lock file."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from runbook_lib.bundle import media_types
from runbook_lib.bundle.contents import listing_name
from runbook_lib.bundle.documents import BLOBS_ELSEWHERE, FEATURES, BundleConfig
from runbook_lib.bundle.media_types import BLOBS, INDEX_FILE, LAYOUT_FILE
from runbook_lib.bundle.names import refused, require_names
from runbook_lib.bundle.oci import MAX_DOCUMENT_BYTES, Descriptor, Index, Layout, Manifest, parsed
from runbook_lib.bundle.signature import require_signature
from runbook_lib.bundle.sources import Source, too_large
from runbook_lib.bundle.streams import copy_hashed
from runbook_lib.bundle.wheelhouse import WHEELS_LOCK, Wheelhouse, read_pylock
from runbook_lib.cache.layout import Listing
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import BundleError
from runbook_lib.run.lock_file import LOCK_NAME, LockFile

_MAX_MANIFESTS: Final = 1000
_MAX_FILES: Final = 100_000


@dataclass(frozen=True)
class WantedBlob:
    """A content that is carried: a file of a model, or a wheel."""

    sha256: str
    size_bytes: int
    name: str
    """Of a file that holds it, for messages."""
    git_sha1: str = ""
    """Of a file that the Hub keeps in git; empty for LFS files and those of OCR engines."""


@dataclass(frozen=True)
class Bundle:
    """A bundle whose documents agree; its contents are not read yet."""

    source: Source
    lock: LockFile
    config: BundleConfig
    papers: Mapping[str, Descriptor]
    wheels: Wheelhouse | None = None
    signed_by: str = ""
    """Who signed it; empty where no signature was required."""

    def blobs(self) -> Iterator[WantedBlob]:
        """Yield every content of models and wheels, once."""
        seen: set[str] = set()
        for blob in self._files():
            if blob.sha256 not in seen:
                seen.add(blob.sha256)
                yield blob

    def _files(self) -> Iterator[WantedBlob]:
        for repository in self.lock.repositories:
            for file in repository.files:
                git_sha1 = "" if file.lfs else file.git_sha1
                yield WantedBlob(file.sha256, file.size_bytes, f"{repository.repo_id}: {file.path}", git_sha1)
        for ocr_file in self.lock.ocr.files if self.lock.ocr else ():
            yield WantedBlob(ocr_file.sha256, ocr_file.size_bytes, ocr_file.path)
        for wheel in self.wheels.wheels if self.wheels else ():
            yield WantedBlob(wheel.sha256, wheel.size_bytes, wheel.name)

    def paper(self, name: str) -> bytes:
        """Return one of the papers."""
        return _document(self.source, self.papers[name])

    def listing_bytes(self, listing: Listing) -> bytes | None:
        """Return huggingface_hub's own listing of a commit; None when the bundle has none.

        Raises `BundleError` when it does not say what the lock file says.
        """
        name = listing_name(ModelRef(listing.repo_id), listing.commit)
        if name not in self.papers:
            return None
        content = self.paper(name)
        if _listed(content) != {file.path: (file.git_sha1, file.sha256, file.size_bytes) for file in listing.files}:
            raise refused(f"{self.source.words} contradicts itself.", f"{name} does not list what its lock file does")
        return content


def open_bundle(source: Source, trusted: Path | None = None) -> Bundle:
    """Read the documents of a bundle; raises `BundleError` when they are not those of one, or do not agree.

    `trusted` holds the public key or the authorities, one of whom has to have signed it. The layout's own files are
    read once: what is checked is what is believed, whatever else stands there a moment later.
    """
    tops = {name: source.document(name) for name in (LAYOUT_FILE, INDEX_FILE)}
    signed_by = require_signature(source, trusted, tops) if trusted is not None else ""
    parsed(Layout, tops[LAYOUT_FILE], LAYOUT_FILE)
    manifests = _manifests(source, parsed(Index, tops[INDEX_FILE], INDEX_FILE))
    papers = [manifest for manifest in manifests if manifest.artifact_type == media_types.PAPERS]
    if len(papers) != 1:
        raise refused(
            f"{source.words} is not a bundle of this runbook.",
            f"It holds {len(papers)} manifests of the type {media_types.PAPERS}, and one is needed",
        )
    config = _config(source, papers[0])
    names = {layer.file_path: layer for layer in papers[0].layers}
    if len(names) != len(papers[0].layers):
        raise refused(f"{source.words} contradicts itself.", "Two of its papers bear one name, or one bears none")
    require_names(names, source.words)
    wheels = _wheels(
        source, names, [manifest for manifest in manifests if manifest.artifact_type == media_types.WHEELS]
    )
    bundle = Bundle(source, _lock(source, names), config, names, wheels, signed_by)
    _require_agreement(bundle, [manifest for manifest in manifests if manifest.artifact_type == media_types.MODEL])
    return bundle


def verify_contents(bundle: Bundle) -> int:
    """Read every content that is carried and compare it with its hash; returns the bytes read."""
    total_bytes = 0
    for blob in bundle.blobs():
        if bundle.source.size_of(blob.sha256) is not None:
            opened = bundle.source.blob(blob.sha256)
            try:
                found = copy_hashed(opened.stream, None, blob.size_bytes)
            finally:
                opened.close()
            require_content(bundle.source, blob, found)
            total_bytes += blob.size_bytes
    return total_bytes


def require_content(source: Source, blob: WantedBlob, found: tuple[int, str]) -> None:
    """Raise `BundleError` unless length and SHA-256 of a content that was read are those of the blob."""
    if found == (blob.size_bytes, blob.sha256):
        return
    seen = f"{found[0]} bytes with SHA-256 {found[1][:12]}..."
    if found[0] != blob.size_bytes:
        seen = f"another length than {blob.size_bytes} bytes"
    raise refused(
        f"{source.words} is damaged.", f"{blob.name} should have SHA-256 {blob.sha256[:12]}..., and has {seen}"
    )


def _manifests(source: Source, top: Index) -> list[Manifest]:
    """Return the manifests of the one index that names a bundle's papers."""
    for entry in top.manifests:
        if entry.media_type == media_types.INDEX:
            inner = parsed(Index, _document(source, entry), "the index")
            if len(inner.manifests) > _MAX_MANIFESTS:
                raise refused(f"{source.words} is not a bundle.", f"It lists {len(inner.manifests)} manifests")
            found = [parsed(Manifest, _document(source, one), "a manifest") for one in inner.manifests]
            if any(manifest.artifact_type == media_types.PAPERS for manifest in found):
                for manifest in found:
                    _document(source, manifest.config)  # of models nothing is read there, but it is to be intact
                return found
    return []


def _config(source: Source, papers: Manifest) -> BundleConfig:
    """Return what the bundle says of itself; what this version does not understand is refused first."""
    content = _document(source, papers.config)
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise refused(f"{source.words} is not a bundle.", "Its configuration is no JSON") from error
    version, requires = (told.get("schema_version"), told.get("requires")) if isinstance(told, dict) else (None, None)
    unknown = sorted({str(feature) for feature in requires} - FEATURES) if isinstance(requires, list) else []
    if version != 1 or unknown:
        needs = ", ".join(unknown)[:200] or f"schema version {str(version)[:20]}"
        raise BundleError(
            f"{source.words} was made by a newer runbook.",
            why=f"It requires what this one does not know: {needs}.",
            remedy="Nothing was written. Update the runbook here, or export the bundle with this version.",
        )
    return parsed(BundleConfig, content, "the bundle's configuration")


def _wheels(source: Source, papers: Mapping[str, Descriptor], manifests: list[Manifest]) -> Wheelhouse | None:
    """Return the wheels that the papers lock; the manifest of wheels has to list the same."""
    house = read_pylock(_document(source, papers[WHEELS_LOCK]), source.words) if WHEELS_LOCK in papers else None
    locked = {(wheel.name, wheel.sha256, wheel.size_bytes) for wheel in house.wheels} if house else set()
    told = {(layer.file_path, layer.sha256, layer.size) for one in manifests for layer in one.layers}
    if told != locked or len(manifests) > 1 or len(locked) > _MAX_FILES:
        raise refused(
            f"{source.words} contradicts itself.", f"Its manifest of wheels does not list what {WHEELS_LOCK} does"
        )
    return house


def _lock(source: Source, papers: Mapping[str, Descriptor]) -> LockFile:
    if LOCK_NAME not in papers:
        raise refused(f"{source.words} is not a bundle.", f"It carries no {LOCK_NAME}")
    try:
        return LockFile.model_validate_json(_document(source, papers[LOCK_NAME]))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise refused(f"{source.words} carries no readable lock file.", f"{where}: {first['msg']}") from error


def _require_agreement(bundle: Bundle, models: list[Manifest]) -> None:
    """Refuse names that may not be written, and manifests that do not say what the lock file says."""
    lock, words = bundle.lock, bundle.source.words
    sets = {
        (repo.repo_id, repo.commit): [(file.path, file.sha256, file.size_bytes) for file in repo.files]
        for repo in lock.repositories
    }
    require_names((repo.model.folder_name for repo in lock.repositories), words)
    if lock.ocr:
        sets[lock.ocr.folder, ""] = [(file.path, file.sha256, file.size_bytes) for file in lock.ocr.files]
        require_names([lock.ocr.folder], words)
    for (name, _commit), files in sets.items():
        require_names((path for path, _sha256, _size in files), f"{words}: {name}")
    for repo in lock.repositories:
        require_names({repo.revision, *bundle.config.refs.get(repo.repo_id, ())}, f"{words}: refs of {repo.repo_id}")
    if sum(map(len, sets.values())) > _MAX_FILES:
        raise refused(f"{words} is not a bundle.", "It lists more files than any set of models has")
    told = {
        (one.annotations.get(media_types.TITLE), one.annotations.get(media_types.REVISION, "")): sorted(
            (layer.file_path, layer.sha256, layer.size) for layer in one.layers
        )
        for one in models
    }
    if told != {key: sorted(files) for key, files in sets.items()}:
        raise refused(f"{words} contradicts itself.", "Its ModelPack manifests do not list what its lock file does")
    _require_lengths(bundle)


def _require_lengths(bundle: Bundle) -> None:
    """Refuse contents of a wrong length, and missing ones unless the bundle says that it has left some out."""
    may_lack = BLOBS_ELSEWHERE in bundle.config.requires
    for blob in bundle.blobs():
        size_bytes = bundle.source.size_of(blob.sha256)
        if size_bytes is None and not may_lack:
            raise refused(f"{bundle.source.words} is not whole.", f"The content of {blob.name} is missing")
        if size_bytes is not None and size_bytes != blob.size_bytes:
            seen = f"{blob.name} holds {size_bytes} bytes, {blob.size_bytes} are listed"
            raise refused(f"{bundle.source.words} is damaged.", seen)


def _document(source: Source, entry: Descriptor) -> bytes:
    if entry.size > MAX_DOCUMENT_BYTES:
        raise too_large(source.words, f"the document {entry.sha256[:12]}...", entry.size)
    content = source.document(f"{BLOBS}/{entry.sha256}")
    if len(content) != entry.size or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise refused(f"{source.words} is damaged.", f"The document {entry.sha256[:12]}... is not what its digest says")
    return content


def _listed(content: bytes) -> dict[str, tuple[object, object, object]] | None:
    """Return what a listing says of each file; None when it cannot be read."""
    try:
        tree = json.loads(content)
        if tree["format_version"] != 1:
            return None
        return {
            name: (entry["blob_id"], entry.get("lfs_sha256"), entry["lfs_size" if entry.get("lfs_sha256") else "size"])
            for name, entry in tree["files"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
