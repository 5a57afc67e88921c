"""The names that OCI and the CNCF ModelPack specification give to what a bundle holds, and our own."""

from pathlib import PurePosixPath
from typing import Final

LAYOUT_VERSION: Final = "1.0.0"
LAYOUT_FILE: Final = "oci-layout"
INDEX_FILE: Final = "index.json"
BLOBS: Final = "blobs/sha256"
SIGNATURE_FILE: Final = "model.sig"
"""What the tools of OpenSSF Model Signing call it; no part of the layout, and not signed itself."""
INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"

MODEL: Final = "application/vnd.cncf.model.manifest.v1+json"
"""`artifactType` of a ModelPack manifest (github.com/modelpack/model-spec, docs/spec.md)."""
MODEL_CONFIG: Final = "application/vnd.cncf.model.config.v1+json"
WEIGHT: Final = "application/vnd.cncf.model.weight.v1.raw"
WEIGHT_CONFIG: Final = "application/vnd.cncf.model.weight.config.v1.raw"
DOC: Final = "application/vnd.cncf.model.doc.v1.raw"
CODE: Final = "application/vnd.cncf.model.code.v1.raw"
FILE_PATH: Final = "org.cncf.model.filepath"

PAPERS: Final = "application/vnd.docling-runbook.bundle.v1+json"
"""`artifactType` of the manifest that holds what is no model: lock file, listings, the report of a run."""
PAPERS_CONFIG: Final = "application/vnd.docling-runbook.bundle.config.v1+json"
LOCK: Final = "application/vnd.docling-runbook.lock.v1+json"
PAPER: Final = "application/octet-stream"

WHEELS: Final = "application/vnd.docling-runbook.wheels.v1+json"
"""`artifactType` of the manifest that holds wheels; which they are says `wheels/pylock.toml` among the papers."""
WHEEL: Final = "application/zip"
EMPTY: Final = "application/vnd.oci.empty.v1+json"

TITLE: Final = "org.opencontainers.image.title"
"""What `oras pull` names a file by."""
REVISION: Final = "org.opencontainers.image.revision"
VERSION: Final = "org.opencontainers.image.version"
REF_NAME: Final = "org.opencontainers.image.ref.name"

_DOCUMENTS: Final = frozenset({".md", ".txt", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".rst"})
_DOCUMENT_NAMES: Final = ("LICENSE", "LICENCE", "NOTICE", "COPYING")


def media_type_of(path: str, *, weights: bool) -> str:
    """Return what ModelPack calls a file of a model; an LFS file that is no document counts as weights."""
    name = PurePosixPath(path)
    if name.suffix.lower() in _DOCUMENTS or name.name.upper().startswith(_DOCUMENT_NAMES):
        return DOC
    if name.suffix.lower() == ".py":
        return CODE
    return WEIGHT if weights else WEIGHT_CONFIG
