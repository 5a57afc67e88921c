"""Debian's skopeo and its registry, and ModelPack's own schema, say what a bundle is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.bundle import media_types
from runbook_lib.bundle.export import export_bundle
from tests.unit.bundle.bundles import MakeTarget, take
from tests.unit.bundle.registries import needs_registry, push, serving, skopeo
from tests.unit.stages.verify.real_caches import Installed

pytestmark = needs_registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Debian's registry on loopback; yields host and port."""
    with serving(tmp_path / "registry") as host:
        yield host


def blobs(root: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in (root / "blobs" / "sha256").iterdir()}


@pytest.mark.parametrize("form", ["oci", "oci-archive"])
def test_skopeo_pushes_a_bundle_to_a_registry_and_what_it_pulls_is_the_same(
    installed: Installed, folder: Path, registry: str, make_target: MakeTarget, tmp_path: Path, form: str
) -> None:
    source = f"oci:{folder}:bundle"
    if form == "oci-archive":
        export_bundle(installed.run, tmp_path / "bundle.tar")
        source = f"oci-archive:{tmp_path / 'bundle.tar'}:bundle"
    push(source, f"{registry}/docling/models:1")
    pulled = tmp_path / "pulled"
    skopeo("copy", "-q", "--all", "--src-tls-verify=false", f"docker://{registry}/docling/models:1", f"oci:{pulled}:x")
    if form == "oci":
        assert blobs(pulled) == blobs(folder)
    taken = take(pulled, make_target())
    assert taken.models[0].placed == len(installed.listing.files)


def test_skopeo_finds_one_model_alone_by_its_name(installed: Installed, folder: Path) -> None:
    raw = skopeo("inspect", "--raw", f"oci:{folder}:docling-project--docling-layout-heron")
    manifest = json.loads(raw)
    assert manifest["artifactType"] == media_types.MODEL
    layers = {layer["annotations"][media_types.FILE_PATH]: layer for layer in manifest["layers"]}
    assert {name: layer["size"] for name, layer in layers.items()} == {
        file.path: file.size_bytes for file in installed.listing.files
    }
    assert layers["model.safetensors"]["mediaType"] == media_types.WEIGHT
    assert layers["config.json"]["mediaType"] == media_types.WEIGHT_CONFIG
    assert layers["README.md"]["mediaType"] == media_types.DOC
    for file in installed.listing.files:
        assert file.sha256 in (None, layers[file.path]["digest"].removeprefix("sha256:")), "the Hub's own hash"


def test_who_reads_modelpack_s_annotations_alone_gets_the_files(
    installed: Installed, folder: Path, tmp_path: Path
) -> None:
    """As modctl does: each layer of a raw type becomes the file that its annotation names."""
    raw = json.loads(skopeo("inspect", "--raw", f"oci:{folder}:docling-project--docling-layout-heron"))
    for layer in raw["layers"]:
        assert layer["mediaType"].endswith(".raw")
        path = tmp_path / "model" / layer["annotations"]["org.cncf.model.filepath"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((folder / "blobs" / "sha256" / layer["digest"].removeprefix("sha256:")).read_bytes())
    for file in installed.listing.files:
        assert (tmp_path / "model" / file.path).read_bytes() == (installed.snapshot / file.path).read_bytes()
    assert len(raw["layers"]) == len(installed.listing.files)


def test_the_configuration_holds_what_modelpack_s_schema_asks_for_and_no_more(folder: Path) -> None:
    """The fields of `schema/config-schema.json` of the ModelPack specification, in June 2026."""
    raw = json.loads(skopeo("inspect", "--raw", f"oci:{folder}:docling-project--docling-layout-heron"))
    assert raw["config"]["mediaType"] == media_types.MODEL_CONFIG
    sha256 = raw["config"]["digest"].removeprefix("sha256:")
    config: dict[str, Any] = json.loads((folder / "blobs" / "sha256" / sha256).read_bytes())
    assert set(config) == {"descriptor", "config", "modelfs"}
    assert set(config["descriptor"]) == {"name", "version", "revision", "sourceURL"}
    assert config["config"] == {"format": "safetensors"}
    assert config["modelfs"]["type"] == "layers"
    assert config["modelfs"]["diffIds"] == [layer["digest"] for layer in raw["layers"]]
