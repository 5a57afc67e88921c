"""Fixtures: settings and a context below the test's own folder, site-packages with real metadata, damage in a cache."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.checks.context import ProbeContext
from runbook_lib.run.settings import Settings
from runbook_lib.system.packages import DOCLING_DISTRIBUTIONS, SitePackages, own_packages

MakeContext = Callable[..., ProbeContext]
MakeSite = Callable[..., SitePackages]
MakeSettings = Callable[..., Settings]
COMMIT = "a" * 40


@pytest.fixture
def site(tmp_path: Path) -> MakeSite:
    """Make a site-packages with one dist-info a distribution: version, and lines of Requires-Dist."""

    def make(versions: Mapping[str, str], requires: Mapping[str, tuple[str, ...]] | None = None) -> SitePackages:
        folder = tmp_path / "site-packages"
        for name, version in versions.items():
            info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
            info.mkdir(parents=True)
            lines = [f"Requires-Dist: {line}" for line in (requires or {}).get(name, ())]
            head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines]
            (info / "METADATA").write_text("\n".join(head) + "\n", encoding="utf-8")
            if name in DOCLING_DISTRIBUTIONS:
                (folder / "docling").mkdir(exist_ok=True)
                (folder / "docling" / "document_converter.py").touch()
        return SitePackages("/service/python", "3.11", tmp_path, (str(folder),))

    return make


@pytest.fixture
def context(tmp_path: Path) -> MakeContext:
    """Make a context below the test's own folder; parameters of the settings by name."""

    def make(**given: Any) -> ProbeContext:
        own = {name: given.pop(name) for name in list(given) if name in ProbeContext.__dataclass_fields__}
        places = {
            "endpoint": "https://huggingface.co",
            "cache_dir": tmp_path / "hub",
            "artifacts_dir": tmp_path / "artifacts",
            "packages": own_packages(),
            "environ": {},
            "system": "Windows" if sys.platform == "win32" else "Linux",
        }
        patience = {"probe_limit_s": 60.0}  # the machine may be busy; who tests a limit gives one
        return ProbeContext(settings=Settings(**{**patience, **given}), **{**places, **own})

    return make


@pytest.fixture
def settings(in_tmp_path: Path) -> MakeSettings:
    """Make settings for an empty cache, offline unless told otherwise."""

    def make(**given: Any) -> Settings:
        places = {"cache_dir": str(in_tmp_path / "hub"), "artifacts_dir": str(in_tmp_path / "artifacts")}
        return Settings(**{**places, "offline": True, "models": "org/name", **given})

    return make


@pytest.fixture
def leftover(in_tmp_path: Path) -> Path:
    """Leave the incomplete file of a download that was interrupted two hours ago."""
    path = in_tmp_path / "hub" / "models--org--name" / "blobs" / "0123.89abcdef.incomplete"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(2_000_000))
    os.utime(path, (time.time() - 7200,) * 2)
    return path


@pytest.fixture
def dangling(in_tmp_path: Path) -> Path:
    """Leave a link in a snapshot whose blob was not copied along."""
    if sys.platform == "win32":
        pytest.skip("symlinks need a privilege there")
    link = in_tmp_path / "hub" / "models--org--name" / "snapshots" / COMMIT / "model.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../blobs/4567")
    return link
