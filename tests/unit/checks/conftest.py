"""Fixtures of the probe tests: a context, and trees of site-packages with real metadata."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.checks.probe import ProbeContext
from runbook_lib.run.settings import Settings
from runbook_lib.system.packages import SitePackages, own_packages

MakeContext = Callable[..., ProbeContext]
MakeSite = Callable[..., SitePackages]


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
        return ProbeContext(settings=Settings(**given), **{**places, **own})

    return make
