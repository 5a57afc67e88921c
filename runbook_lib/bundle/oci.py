"""The documents of an OCI image layout: descriptors, manifests, indexes; written in one form, read with care."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, Field, StringConstraints, ValidationError

from runbook_lib.bundle import media_types
from runbook_lib.bundle.names import refused
from runbook_lib.core.value import Value

MAX_DOCUMENT_BYTES: Final = 4 * 1024**2
"""What registries take for a manifest at the most (OCI distribution specification)."""
_PREFIX: Final = "sha256:"

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class Descriptor(Value):
    """What a document says of a blob."""

    media_type: str = Field(alias="mediaType")
    digest: Digest
    size: int = Field(ge=0)
    annotations: dict[str, str] = Field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The name of the blob's file."""
        return self.digest.removeprefix(_PREFIX)

    @property
    def file_path(self) -> str:
        """The name it bears as a file; empty when it has none."""
        return self.annotations.get(media_types.FILE_PATH, "")


class Index(Value):
    """An image index, or the file `index.json`."""

    schema_version: Literal[2] = Field(alias="schemaVersion")
    manifests: tuple[Descriptor, ...]


class Manifest(Value):
    """An image manifest."""

    schema_version: Literal[2] = Field(alias="schemaVersion")
    artifact_type: str = Field("", alias="artifactType")
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: dict[str, str] = Field(default_factory=dict)


class Layout(Value):
    """The file `oci-layout`."""

    version: Literal["1.0.0"] = Field(alias="imageLayoutVersion")


DocumentT = TypeVar("DocumentT", bound=BaseModel)


def parsed(kind: type[DocumentT], content: bytes, what: str) -> DocumentT:
    """Read a document; raises `BundleError` naming the place that is wrong."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise refused(f"{what} cannot be read.", f"{where}: {first['msg']}") from error


@dataclass(frozen=True)
class Blob:
    """A content that is made, not found: a document."""

    content: bytes
    media_type: str
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The name of the blob's file."""
        return hashlib.sha256(self.content).hexdigest()

    def described(self) -> dict[str, Any]:
        """Return the descriptor as it is written."""
        return described(self.media_type, self.sha256, len(self.content), self.annotations)


def described(media_type: str, sha256: str, size_bytes: int, annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return a descriptor as it is written.

    Fields in this order and no others: skopeo 1.9 writes an index anew when its own JSON of it would differ, and the
    digest of the whole would change on the way through a registry.
    """
    entry: dict[str, Any] = {"mediaType": media_type, "digest": f"{_PREFIX}{sha256}", "size": size_bytes}
    return {**entry, "annotations": dict(sorted(annotations.items()))} if annotations else entry


def manifest_blob(
    artifact_type: str, config: Blob, layers: Sequence[Mapping[str, Any]], annotations: Mapping[str, str]
) -> Blob:
    """Return a manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.MANIFEST,
        "artifactType": artifact_type,
        "config": config.described(),
        "layers": list(layers),
        "annotations": dict(annotations),
    }
    return Blob(json_bytes(document), media_types.MANIFEST, annotations)


def index_bytes(manifests: Sequence[Mapping[str, Any]]) -> bytes:
    """Return an index of manifests."""
    return json_bytes({"schemaVersion": 2, "mediaType": media_types.INDEX, "manifests": list(manifests)})


def json_bytes(document: object) -> bytes:
    """Write a document, its fields in the order they are given: equal contents give equal bytes."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
