"""Debian's skopeo and its registry, and ModelPack's own schema, say what a bundle is."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from runbook_lib.bundle import media_types
from runbook_lib.bundle.export import export_bundle
from tests.unit.bundle.bundles import MakeTarget, folder, installed, make_target, take
from tests.unit.stages.verify.real_caches import Installed, install, practice_hub, pristine

__all__ = ["folder", "install", "installed", "make_target", "practice_hub", "pristine"]

PROGRAMS = ("skopeo", "docker-registry")
pytestmark = pytest.mark.skipif(
    any(which(name) is None for name in PROGRAMS), reason="apt-get install skopeo docker-registry"
)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Debian's registry on loopback; yields host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    path = tmp_path / "registry.json"
    path.write_text(json.dumps(config), encoding="utf-8")  # YAML takes it
    served = subprocess.Popen(["docker-registry", "serve", str(path)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        served.terminate()
        served.wait(10)


def skopeo(*words: str) -> str:
    done = subprocess.run(["skopeo", *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def push(source: str, address: str) -> None:
    """Push a whole bundle, and require that skopeo need not change a byte of any manifest."""
    skopeo("copy", "--quiet", "--all", "--preserve-digests", "--dest-tls-verify=false", source, f"docker://{address}")


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
