"""Bundles made by the product from a cache that the unmodified client filled, and the same with something changed."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.bundle.facts import Imported
from runbook_lib.bundle.read import Bundle, open_bundle
from runbook_lib.bundle.sources import opened_source
from runbook_lib.bundle.take import import_bundle
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.target import ResolvedTarget, resolve_target
from tests.unit.stages.verify.real_caches import Install, Installed

MakeTarget = Callable[..., ResolvedTarget]


@pytest.fixture
def make_target(tmp_path: Path) -> MakeTarget:
    """Name a machine that has nothing yet: a cache and an artifacts folder that do not exist."""
    count = iter(range(100))

    def make(links: str = "auto", **more: Any) -> ResolvedTarget:
        base = tmp_path / f"target-{next(count)}"
        places = {"cache_dir": str(base / "hub"), "artifacts_dir": str(base / "artifacts")}
        settings = {"hub": "practice", "links": links, **places, **more}
        return resolve_target(resolve_settings(settings, explicit=True).values)

    return make


@pytest.fixture
def installed(install: Install) -> Installed:
    return install("hardlink")


def take(path: Path, target: ResolvedTarget, trusted: Path | None = None, **more: Any) -> Imported:
    with opened_source(path) as source:
        return import_bundle(target, open_bundle(source, trusted), **more)


def read(path: Path) -> Bundle:
    with opened_source(path) as source:
        return open_bundle(source)


@dataclass(frozen=True)
class Forge:
    """A bundle in a folder, whose documents are changed and named anew, as somebody would who means harm."""

    root: Path

    @classmethod
    def of(cls, bundle: Path, place: Path) -> "Forge":
        shutil.copytree(bundle, place)
        for path in place.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return cls(place)

    def blob(self, content: bytes) -> dict[str, Any]:
        """Add a blob; returns what a descriptor says of it."""
        sha256 = hashlib.sha256(content).hexdigest()
        (self.root / "blobs" / "sha256" / sha256).write_bytes(content)
        return {"digest": f"sha256:{sha256}", "size": len(content)}

    def path(self, descriptor: dict[str, Any]) -> Path:
        return self.root / "blobs" / "sha256" / str(descriptor["digest"]).removeprefix("sha256:")

    def load(self, descriptor: dict[str, Any]) -> Any:
        return json.loads(self.path(descriptor).read_bytes())

    def rewrite(self, change: Callable[[str, dict[str, Any]], None]) -> None:
        """Change the lock file, the configuration and the manifests; digests follow.

        `change` is given the kind (`lock`, `config`, `model` or `papers`) and the document.
        """
        index = json.loads((self.root / "index.json").read_bytes())
        whole = index["manifests"][0]
        inner = self.load(whole)
        for entry in inner["manifests"]:
            manifest = self.load(entry)
            kind = "model" if "cncf" in manifest["artifactType"] else "papers"
            if kind == "papers":
                for layer in manifest["layers"]:
                    if layer["annotations"]["org.cncf.model.filepath"] == "runbook.lock.json":
                        self._changed("lock", layer, change)
                self._changed("config", manifest["config"], change)
            change(kind, manifest)
            entry.update(self.blob(json.dumps(manifest).encode()))
        whole.update(self.blob(json.dumps(inner).encode()))
        (self.root / "index.json").write_text(json.dumps(index), encoding="utf-8")

    def _changed(self, kind: str, entry: dict[str, Any], change: Callable[[str, dict[str, Any]], None]) -> None:
        document = self.load(entry)
        change(kind, document)
        entry.update(self.blob(json.dumps(document).encode()))

    def rename(self, old: str, new: str) -> None:
        """Give a file of the model another name, in the manifest and in the lock file alike."""

        def change(kind: str, document: dict[str, Any]) -> None:
            if kind == "lock":
                for file in document["repositories"][0]["files"]:
                    file["path"] = new if file["path"] == old else file["path"]
            if kind == "model":
                for layer in document["layers"]:
                    names = layer["annotations"]
                    names.update({key: new for key, name in names.items() if name == old})

        self.rewrite(change)
