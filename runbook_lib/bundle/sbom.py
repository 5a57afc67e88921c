"""The bill of materials of a bundle: CycloneDX, each model with its commit, its hashes and its licence."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

import yaml

import runbook_lib
from runbook_lib.core.extras import require_extra
from runbook_lib.run.lock_file import LockedFile, LockedModelFile, LockedRepository, LockFile

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import DisjunctiveLicense

SBOM_NAME: Final = "sbom.cdx.json"
_CARD: Final = "README.md"
_CARD_BYTES: Final = 256 * 1024
_NAMESPACE: Final = uuid.UUID("6c7a2f0e-2f0a-5d0c-9d55-0d0c11a96b00")

ReadFile = Callable[[str], bytes]
"""Returns a content by its SHA-256."""


def sbom_of(lock: LockFile, read: ReadFile) -> bytes:
    """Return the bill of materials of what a lock file names; equal locks give equal bytes.

    `read` gives the model cards, from whose heads the licences come. Raises `UsageError` without the extra `sbom`.
    """
    require_extra("sbom", "cyclonedx", purpose="A bill of materials")
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    tool = Component(name="docling-runbook", type=ComponentType.APPLICATION, version=runbook_lib.__version__)
    metadata = BomMetaData(timestamp=lock.created_at)
    metadata.tools.components.add(tool)
    bom = Bom(
        components=[*(_model(repository, read) for repository in lock.repositories), *_ocr(lock)],
        metadata=metadata,
        serial_number=uuid.uuid5(_NAMESPACE, lock.text()),
    )
    return JsonV1Dot6(bom).output_as_string(indent=1).encode()


def licence_in(card: bytes) -> tuple[str, str]:
    """Return the licence that the head of a model card names, and its own name where the Hub knows none (`other`)."""
    text = card[:_CARD_BYTES].decode("utf-8", "replace")
    if not text.startswith("---"):
        return "", ""
    try:
        head = yaml.safe_load(text.split("\n---", 1)[0].removeprefix("---"))
    except yaml.YAMLError:
        return "", ""
    given = head if isinstance(head, dict) else {}
    licence, name = given.get("license"), given.get("license_name")
    return (licence if isinstance(licence, str) else ""), (name if isinstance(name, str) else "")


def _model(repository: LockedRepository, read: ReadFile) -> "Component":
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    organisation, _, name = repository.repo_id.partition("/")
    card = next((file for file in repository.files if file.path == _CARD), None)
    page = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://huggingface.co/{repository.repo_id}/tree/{repository.commit}"),
    )
    return Component(
        name=name,
        group=organisation,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        version=repository.commit,
        bom_ref=f"{repository.repo_id}@{repository.commit}",
        purl=PackageURL("huggingface", organisation, name, repository.commit),
        licenses=_licences(read(card.sha256)) if card else (),
        external_references=[page],
        components=_files(f"{repository.repo_id}@{repository.commit}", repository.files),
    )


def _licences(card: bytes) -> "Iterator[DisjunctiveLicense]":
    from cyclonedx.model.license import DisjunctiveLicense
    from cyclonedx.spdx import fixup_id

    licence, name = licence_in(card)
    if known := fixup_id(licence) if licence else None:
        yield DisjunctiveLicense(id=known)
    elif licence:
        yield DisjunctiveLicense(name=name or licence)


def _ocr(lock: LockFile) -> "Iterator[Component]":
    from cyclonedx.model.component import Component, ComponentType

    if lock.ocr is not None:
        reference = f"{lock.ocr.folder}@{lock.ocr.backend or lock.ocr.engine}"
        yield Component(
            name=lock.ocr.folder,
            type=ComponentType.MACHINE_LEARNING_MODEL,
            version=lock.ocr.backend or lock.ocr.engine,
            bom_ref=reference,
            components=_files(reference, lock.ocr.files),
        )


def _files(reference: str, files: Iterable[LockedFile | LockedModelFile]) -> "Iterator[Component]":
    from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
    from cyclonedx.model.component import Component, ComponentType

    for file in files:
        url = file.url if isinstance(file, LockedModelFile) else ""
        source = [ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(url))] if url else []
        yield Component(
            name=file.path,
            type=ComponentType.FILE,
            bom_ref=f"{reference}/{file.path}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=file.sha256)],
            external_references=source,
        )
