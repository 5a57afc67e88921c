"""Caches made once a session by the unmodified client from the practice hub, and copied for each test."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook_lib.cache.layout import CachedRepo, Listing
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.stages.download.stage import download
from runbook_lib.system.filesystem import probe_symlink

REPO_ID = "docling-project/docling-layout-heron"
FOLDER_NAME = REPO_ID.replace("/", "--")
WEIGHTS = "model.safetensors"
MODES = ("symlink", "hardlink", "copy")


@dataclass(frozen=True)
class Installed:
    """A cache and an artifacts folder that a test may damage, and a run over both."""

    run: OpenRun
    hub: PracticeHub

    @property
    def repo(self) -> CachedRepo:
        return CachedRepo(self.run.cache_dir, REPO_ID)

    @property
    def listing(self) -> Listing:
        trees = list((self.repo.folder / "trees").glob("*.json"))
        listing = self.repo.listing(trees[0].stem if len(trees) == 1 else "main")  # a test may damage the reference
        assert listing is not None
        return listing

    @property
    def snapshot(self) -> Path:
        return self.repo.snapshot(self.listing.commit)

    @property
    def artifacts(self) -> Path:
        return self.run.artifacts_dir / FOLDER_NAME


Install = Callable[..., Installed]


def flip_bit(path: Path, bit: int) -> None:
    """Flip one bit of a file in place, under all its names; a second call flips it back."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(bit // 8)
        byte = file.read(1)[0]
        file.seek(bit // 8)
        file.write(bytes([byte ^ 1 << bit % 8]))


def move_into_shared_store(installed: Installed) -> Path:
    """Lay the weights out as huggingface_hub 1.32 with Xet does; returns where they are then.

    There blobs/<etag> is a link into <cache>/blobs/<2 digits>/<hash>.
    """
    blob = Path(os.path.realpath(installed.snapshot / WEIGHTS))
    store = installed.run.cache_dir / "blobs" / "ab" / ("ab" * 32)
    store.parent.mkdir(parents=True)
    blob.rename(store)
    blob.symlink_to(os.path.relpath(store, blob.parent))
    return store


def copy_with_links(source: Path, target: Path, copies: dict[int, Path]) -> None:
    """Copy a tree: symlinks as symlinks, hard links as hard links to the `copies` made so far, by inode."""
    for parent, folders, names in os.walk(source):
        here = target / Path(parent).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        for name in (*names, *(folder for folder in folders if Path(parent, folder).is_symlink())):
            path, copy = Path(parent, name), here / name
            inode = path.lstat().st_ino
            if path.is_symlink():
                copy.symlink_to(path.readlink())
            elif inode in copies:
                os.link(copies[inode], copy)
            else:
                shutil.copy2(path, copy)
                copies[inode] = copy


def open_installed(base: Path, hub: PracticeHub, mode: str, *, offline: bool = False) -> OpenRun:
    """Open a run over the folders below `base`."""
    return open_run(
        run_dir=str(base / "run"),
        hub=hub.url,
        models=f"{REPO_ID}@main",
        cache_dir=str(base / "hub"),
        artifacts_dir=str(base / "artifacts"),
        links=mode,
        offline=offline,
    )


@pytest.fixture(scope="session")
def practice_hub() -> Iterator[PracticeHub]:
    with PracticeHub() as hub:
        yield hub


@pytest.fixture(scope="session")
def pristine(practice_hub: PracticeHub, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a fresh download in a link mode; made at the first call."""
    made: dict[str, Path] = {}

    def make(mode: str) -> Path:
        if mode not in made:
            base = tmp_path_factory.mktemp(mode)
            record = download(open_installed(base, practice_hub, mode))
            assert record.status is Status.OK, str(record)
            made[mode] = base
        return made[mode]

    return make


@pytest.fixture
def install(practice_hub: PracticeHub, pristine: Callable[[str], Path], tmp_path: Path) -> Install:
    """Install a copy of a fresh download: `install("hardlink", offline=True)`."""
    count = iter(range(100))

    def make(mode: str = "copy", *, offline: bool = False) -> Installed:
        if mode == "symlink" and not probe_symlink(tmp_path).works:
            pytest.skip("symlinks do not work here")
        base = tmp_path / f"install-{next(count)}"
        copies: dict[int, Path] = {}
        for name in ("hub", "artifacts"):
            copy_with_links(pristine(mode) / name, base / name, copies)
        return Installed(open_installed(base, practice_hub, mode, offline=offline), practice_hub)

    return make
