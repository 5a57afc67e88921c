"""The file system lane: the whole run once on each file system that this machine can mount; many tests look at it."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.filesystems.mounting import FILE_SYSTEMS, HOW_TO_GET, FileSystem, in_namespaces, why_no_namespaces
from tests.filesystems.whole_run import NOT_MOUNTABLE

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
LIMIT_S = 900
Seen = dict[str, Any]


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.filesystems)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(LIMIT_S + 60))
            callspec = getattr(item, "callspec", None)
            name = callspec.params.get("filesystem") if callspec else None
            if name:  # one run for all that look at it
                item.add_marker(pytest.mark.xdist_group(f"filesystem {name}"))


@pytest.fixture(scope="session", params=[name for name, one in FILE_SYSTEMS.items() if one.in_lane])
def filesystem(request: pytest.FixtureRequest) -> FileSystem:
    """Each file system in turn."""
    return FILE_SYSTEMS[request.param]


@pytest.fixture(scope="session")
def seen(filesystem: FileSystem, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What a whole run saw on it; skips, with the reason, where it cannot be mounted."""
    require(filesystem)
    told = run_on(filesystem.name, "tests.filesystems.whole_run", str(tmp_path_factory.mktemp("volume") / "mounts"))
    seen: Seen = json.loads(told)
    return seen


def require(filesystem: FileSystem) -> None:
    """Skip where the machine cannot mount; missing programs are a failure where CI=true."""
    if reason := cannot_mount():
        pytest.skip(f"nothing can be mounted here: {reason}")
    if missing := filesystem.missing():
        reason = f"{filesystem.name} needs {', '.join(missing)}; get it with: {HOW_TO_GET}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@functools.cache
def cannot_mount() -> str:
    """Return why this machine can mount nothing; empty when it can."""
    return why_no_namespaces()


def run_on(name: str, module: str, folder: str) -> str:
    """Run a module on a file system, in namespaces of its own; returns what it printed, or skips with the reason."""
    command = in_namespaces([sys.executable, "-m", module, name, folder])
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode == NOT_MOUNTABLE:
        pytest.skip(f"{name} cannot be mounted here: {done.stdout.strip()}")
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
