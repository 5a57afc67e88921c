"""Fixtures that make real faults."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.cache.layout import repo_of
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.practice import denied_calls
from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import Commit, Repository, RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.opening import OpenRun

_HERE = Path(__file__).parent
LAUNCHER = Path(denied_calls.__file__)
"""Denies symlinks to a command: `python denied_calls.py --errno 22 -- COMMAND...`."""

CANNOT_DENY = 125
"""The launcher's exit code where the filter cannot be set."""

FILE_BYTES = 50_000
"""Size of each weights file of the hub's repository."""

Deny = Callable[..., list[str]]
RunStages = Callable[..., dict[str, Any]]
MakeRepository = Callable[..., Repository]
Settings = dict[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def without_symlinks() -> Deny:
    """Return `deny(command, errno_number=22, calls="symlink")`: the command line without the privilege."""

    def deny(command: Sequence[str | Path], errno_number: int = 22, calls: str = "symlink") -> list[str]:
        filtered = ["--errno", str(errno_number), "--calls", calls]
        return [sys.executable, str(LAUNCHER), *filtered, "--", *map(str, command)]

    tried = subprocess.run(deny([sys.executable, "-c", ""]), capture_output=True, text=True, check=False)
    if tried.returncode == CANNOT_DENY:
        pytest.skip(f"symlinks cannot be denied here: {tried.stderr.strip()}")
    return deny


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of a megabyte."""
    folder = tmp_path / "volume"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a volume cannot be mounted here, which takes root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def make_repository() -> MakeRepository:
    """Return `make(file_count, size_bytes=..., changed=...)`: weights and a config, in two revisions."""

    def make(file_count: int = 9, *, size_bytes: int = 20_000, changed: int = 1) -> Repository:
        def tree(revision: int) -> tuple[RepositoryFile, ...]:
            weights = (
                RepositoryFile(f"w{n}.bin", Content.of_padding(size_bytes, f"{n}-{revision * (n < changed)}"), lfs=True)
                for n in range(file_count - 1)
            )
            return (RepositoryFile("config.json", Content.of_bytes(b'{"revision": %d}' % revision)), *weights)

        return linear_history("acme/model", tree(1), tree(2))

    return make


@pytest.fixture
def run_stages() -> RunStages:
    """Return `run_stages(settings, *stages, wrap=...)`: runs them in a process of its own, returns their records."""

    def run(settings: dict[str, Any], *stages: str, wrap: Callable[[list[str]], list[str]] = list) -> dict[str, Any]:
        command = [sys.executable, str(_HERE / "stage_process.py"), json.dumps(settings), *stages]
        done = subprocess.run(
            wrap(command), capture_output=True, text=True, encoding="utf-8", timeout=300, check=False, env=os.environ
        )
        assert done.returncode == 0, done.stderr
        records: dict[str, Any] = json.loads(done.stdout)
        return records

    return run


@pytest.fixture
def hub(make_repository: MakeRepository) -> Iterator[PracticeHub]:
    """A hub whose second revision changes half of the weights; the first is its head."""
    with PracticeHub(repositories=[make_repository(6, size_bytes=FILE_BYTES, changed=3)], head="first") as running:
        yield running


@pytest.fixture
def settings(hub: PracticeHub, tmp_path: Path) -> Settings:
    """Settings of a run on that hub, everything below the test's folder."""
    return {
        "hub": hub.url,
        "models": "acme/model",
        "cache_dir": str(tmp_path / "cache" / "hub"),
        "artifacts_dir": str(tmp_path / "artifacts"),
        "run_dir": str(tmp_path / "run"),
        "download_limit_s": 120.0,
        "probe_limit_s": 30.0,
    }


def holds(run: OpenRun, commit: Commit) -> bool:
    """Whether the snapshot of a commit is complete, byte for byte."""
    snapshot = repo_of(run.cache_dir, ModelRef("acme/model")).snapshot(commit.id)
    return all((snapshot / file.path).read_bytes() == b"".join(file.content.read()) for file in commit.files)
