"""What the benchmarks work on: a practice hub, a cache filled by the bare client, the programs of this environment."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Cost, run_command
from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub

REPO_ID = "bench/weights"
SIZE_BYTES = 1 << 30
FILE_COUNT = 8
PYTHON = sys.executable
DOCLING = str(Path(sys.executable).with_name("docling"))
HF = str(Path(sys.executable).with_name("hf"))


@dataclass(frozen=True)
class Place:
    """A served repository and the environment that leads the bare client to it."""

    hub: PracticeHub
    folder: Path

    @property
    def cache_dir(self) -> Path:
        """The cache the bare client fills."""
        return self.folder / "hub"

    def environment(self, **more: str) -> Mapping[str, str]:
        """Return our environment with the hub's address and the cache."""
        places = {"HF_ENDPOINT": self.hub.url, "HF_HUB_CACHE": str(self.cache_dir), "HF_HUB_DISABLE_XET": "1"}
        return {**os.environ, **places, **more}


@contextmanager
def served_weights(folder: Path, size_bytes: int = SIZE_BYTES) -> Iterator[Place]:
    """Serve weights in 8 files, in two revisions that differ in a config of 12 bytes."""
    weights = tuple(
        RepositoryFile(
            f"weights-{number}.bin", Content.of_padding(size_bytes // FILE_COUNT, seed=str(number)), lfs=True
        )
        for number in range(FILE_COUNT)
    )
    revisions = (
        (*weights, RepositoryFile("config.json", Content.of_bytes(b'{"step": 1}\n'))),
        (*weights, RepositoryFile("config.json", Content.of_bytes(b'{"step": 2}\n'))),
    )
    with PracticeHub(repositories=[linear_history(REPO_ID, *revisions)]) as hub:
        yield Place(hub, folder)


def bare_download(place: Place, revision: str = "main", **variables: str) -> Cost:
    """Download a revision with `hf download`."""
    command = [HF, "download", REPO_ID, "--revision", revision, "--quiet"]
    return run_command(command, place.environment(**variables))


def fresh(folder: Path) -> Path:
    """Return the folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@contextmanager
def earlier_build(folder: Path, commit: str) -> Iterator[Path]:
    """Check out a commit of this repository beside it; the clone has to hold the commit."""
    worktree = ["git", "-C", str(Path(__file__).parent.parent), "worktree"]
    subprocess.run([*worktree, "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*worktree, "remove", "--force", str(folder)], check=True)
