"""Writing a bundle."""

import errno
import hashlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import runbook_lib
from runbook_lib.bundle import media_types
from runbook_lib.bundle.contents import collect_contents
from runbook_lib.bundle.documents import BLOBS_ELSEWHERE, Documents, documents_of
from runbook_lib.bundle.facts import Exported
from runbook_lib.bundle.media import opened_medium
from runbook_lib.bundle.media_types import BLOBS, INDEX_FILE, LAYOUT_FILE, SIGNATURE_FILE
from runbook_lib.bundle.oci import json_bytes
from runbook_lib.bundle.signature import SigningFiles, sign
from runbook_lib.bundle.wheel_download import FetchedWheels
from runbook_lib.errors import DiskError
from runbook_lib.run.opening import OpenRun
from runbook_lib.system.filesystem import describe_os_error, refusals_told
from runbook_lib.system.progress import Counted, show_progress

_ERROR_FILE_TOO_LARGE: Final = 223
"""What Windows says where a file grows beyond what FAT takes (winerror.h)."""


def export_bundle(
    run: OpenRun,
    dest: Path,
    *,
    have: AbstractSet[str] = frozenset(),
    split_bytes: int | None = None,
    proof: Path | None = None,
    sbom: bool = False,
    signing: SigningFiles | None = None,
    wheels: FetchedWheels | None = None,
) -> Exported:
    """Write the models of the run as a bundle, every content compared with its hash on the way; needs no network.

    `have` holds the SHA-256 of contents that are left out, because the target has them. Raises `BundleError` when a
    model is not intact, `DiskError` when there is no room; then nothing is left at `dest`.
    """
    contents = collect_contents(run, proof, sbom=sbom, wheels=wheels)
    carried = {sha256: file for sha256, file in sorted(contents.files.items()) if sha256 not in have}
    left_out = contents.files.keys() - carried.keys()
    requires = (BLOBS_ELSEWHERE,) if left_out else ()
    documents = documents_of(contents, requires, f"docling-runbook {runbook_lib.__version__}")
    total_bytes = sum(file.size_bytes for file in carried.values())
    small = _small_files(documents, frozenset(carried))
    if signing is not None:
        resources = {name: hashlib.sha256(content).hexdigest() for name, content in small.items()}
        small[SIGNATURE_FILE] = sign({**resources, **{f"{BLOBS}/{sha256}": sha256 for sha256 in carried}}, signing)
    with (
        refusals_told(
            f"The bundle cannot be written: {dest}.", "Name a place with enough space that this user may write to."
        ),
        _file_limit_told(dest),
        show_progress("bundle", total_bytes) as progress,
        opened_medium(dest, split_bytes) as medium,
    ):
        for name, content in small.items():
            medium.put(name, content)
        counted = Counted(progress)
        for sha256, file in carried.items():
            medium.put_file(f"{BLOBS}/{sha256}", file, counted)
    return Exported(
        practice=contents.lock.is_practice,
        paths=medium.done.paths,
        models=tuple(str(repository.model) for repository in contents.lock.repositories),
        ocr=contents.lock.ocr.folder if contents.lock.ocr else "",
        papers=tuple(sorted(contents.papers)),
        wheels=len(contents.wheels.wheels) if contents.wheels else 0,
        carried_bytes=total_bytes,
        left_out_bytes=sum(contents.files[sha256].size_bytes for sha256 in left_out),
        written_bytes=medium.done.written_bytes,
        shared_bytes=medium.done.shared_bytes,
    )


@contextmanager
def _file_limit_told(dest: Path) -> Iterator[None]:
    """Say what to do where the file system takes no file of this length, as FAT takes none of 4 GiB."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EFBIG and getattr(error, "winerror", None) != _ERROR_FILE_TOO_LARGE:
            raise
        raise DiskError(
            f"The bundle cannot be written: {dest}.",
            why=f"{describe_os_error(error)}: its file system cannot hold a file of this size (FAT32: 4 GiB).",
            remedy="Write a .tar file in parts: --split 4000M. Or format the stick with exFAT or NTFS.",
        ) from error


def _small_files(documents: Documents, carried: AbstractSet[str]) -> dict[str, bytes]:
    """Return what a layout holds beside the files of this machine, by name."""
    layout = {
        LAYOUT_FILE: json_bytes({"imageLayoutVersion": media_types.LAYOUT_VERSION}),
        INDEX_FILE: documents.index,
    }
    made = {f"{BLOBS}/{blob.sha256}": blob.content for blob in documents.blobs if blob.sha256 not in carried}
    return {**layout, **made}
