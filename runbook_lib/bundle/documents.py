"""A bundle's documents: one ModelPack manifest a model, one for the papers, and the index that joins them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from pydantic import Field

from runbook_lib.bundle import media_types
from runbook_lib.bundle.contents import Contents
from runbook_lib.bundle.oci import Blob, described, index_bytes, json_bytes, manifest_blob
from runbook_lib.bundle.wheelhouse import Wheelhouse
from runbook_lib.core.value import Value
from runbook_lib.run.lock_file import LOCK_NAME, LockedFile, LockedModelFile, LockFile

TAG: Final = "bundle"
"""The name of the whole in `index.json`; `skopeo copy --all oci:DIR:bundle docker://...` pushes it."""
BLOBS_ELSEWHERE: Final = "blobs-elsewhere"
"""What `--since` left out has to stand on the target already."""
FEATURES: Final = frozenset({BLOBS_ELSEWHERE})
_FORMATS: Final = {".safetensors": "safetensors", ".onnx": "onnx", ".pt": "pytorch", ".pth": "pytorch"}


class BundleConfig(Value):
    """What a bundle says of itself: the configuration of the papers' manifest."""

    schema_version: int
    requires: tuple[str, ...] = ()
    """Features without which a reader would misunderstand it."""
    practice: bool = False
    refs: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    made_by: str = Field("", max_length=200)


@dataclass(frozen=True)
class Documents:
    """All that is written of a bundle beside the files themselves."""

    index: bytes
    """The file `index.json`."""
    blobs: tuple[Blob, ...]


def documents_of(contents: Contents, requires: Sequence[str], made_by: str) -> Documents:
    """Write every document; equal contents give equal bytes."""
    models = tuple(_models(contents.lock))
    papers = _papers(contents, requires, made_by)
    wheels = _wheels(contents.wheels) if contents.wheels else ()
    manifests = (*(manifest for manifest, _config in models), *wheels[1:], papers[-1])
    whole = Blob(index_bytes([manifest.described() for manifest in manifests]), media_types.INDEX)
    entries = [_named(whole, TAG), *(_named(manifest, _tag(manifest)) for manifest, _config in models)]
    blobs = (*(blob for pair in models for blob in pair), *wheels, *papers, whole)
    return Documents(index_bytes(entries), tuple({blob.sha256: blob for blob in blobs}.values()))


def _named(blob: Blob, tag: str) -> dict[str, Any]:
    entry = blob.described()
    return {**entry, "annotations": {media_types.REF_NAME: tag}}


def _tag(manifest: Blob) -> str:
    """Return a model's own name in the layout, by which other tools can pull it alone."""
    return manifest.annotations[media_types.TITLE].replace("/", "--")


def _models(lock: LockFile) -> Iterator[tuple[Blob, Blob]]:
    """Yield the manifest and the configuration of each model."""
    for repository in lock.repositories:
        descriptor = {
            "name": repository.repo_id,
            "version": repository.revision,
            "revision": repository.commit,
            "sourceURL": f"https://huggingface.co/{repository.repo_id}",
        }
        annotations = {
            media_types.TITLE: repository.repo_id,
            media_types.VERSION: repository.revision,
            media_types.REVISION: repository.commit,
        }
        yield _model(descriptor, annotations, repository.files)
    if lock.ocr is not None:
        version = lock.ocr.backend or lock.ocr.engine
        annotations = {media_types.TITLE: lock.ocr.folder, media_types.VERSION: version}
        yield _model({"name": lock.ocr.folder, "version": version}, annotations, lock.ocr.files)


def _model(
    descriptor: Mapping[str, str], annotations: Mapping[str, str], files: Sequence[LockedFile | LockedModelFile]
) -> tuple[Blob, Blob]:
    kind = next((name for file in files if (name := _FORMATS.get(PurePosixPath(file.path).suffix.lower()))), "")
    config = {
        "descriptor": descriptor,
        "config": {"format": kind} if kind else {},
        "modelfs": {"type": "layers", "diffIds": [f"sha256:{file.sha256}" for file in files]},
    }
    blob = Blob(json_bytes(config), media_types.MODEL_CONFIG)
    return manifest_blob(media_types.MODEL, blob, [_layer(file) for file in files], annotations), blob


def _layer(file: LockedFile | LockedModelFile) -> dict[str, Any]:
    weights = file.lfs if isinstance(file, LockedFile) else PurePosixPath(file.path).suffix.lower() in _FORMATS
    media_type = media_types.media_type_of(file.path, weights=weights)
    return described(media_type, file.sha256, file.size_bytes, _file_names(file.path))


def _wheels(house: Wheelhouse) -> tuple[Blob, Blob]:
    """Return an empty configuration, and the manifest of wheels."""
    empty = Blob(b"{}", media_types.EMPTY)
    layers = [
        described(media_types.WHEEL, wheel.sha256, wheel.size_bytes, _file_names(wheel.name)) for wheel in house.wheels
    ]
    return empty, manifest_blob(media_types.WHEELS, empty, layers, {media_types.TITLE: f"wheels for {house.python}"})


def _papers(contents: Contents, requires: Sequence[str], made_by: str) -> tuple[Blob, ...]:
    """Return the papers, their configuration and, last, their manifest."""
    config = BundleConfig(
        schema_version=1,
        requires=tuple(requires),
        practice=contents.lock.is_practice,
        refs=dict(sorted(contents.refs.items())),
        made_by=made_by,
    )
    told = Blob(json_bytes(config.model_dump(mode="json")), media_types.PAPERS_CONFIG)
    layers = tuple(
        Blob(content, media_types.LOCK if name == LOCK_NAME else media_types.PAPER, _file_names(name))
        for name, content in sorted(contents.papers.items())
    )
    annotations = {media_types.TITLE: "docling-runbook bundle"}
    manifest = manifest_blob(media_types.PAPERS, told, [blob.described() for blob in layers], annotations)
    return (*layers, told, manifest)


def _file_names(path: str) -> dict[str, str]:
    return {media_types.FILE_PATH: path, media_types.TITLE: path}
