"""Fixtures that make real faults."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.practice import Repository, RepositoryFile, denied_calls, linear_history
from runbook_lib.practice.content import Content

_HERE = Path(__file__).parent
LAUNCHER = Path(denied_calls.__file__)
"""Denies symlinks to a command: `python denied_calls.py --errno 22 -- COMMAND...`."""

CANNOT_DENY = 125
"""The launcher's exit code where the filter cannot be set."""

Deny = Callable[..., list[str]]
RunStages = Callable[..., dict[str, Any]]
MakeRepository = Callable[..., Repository]


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
