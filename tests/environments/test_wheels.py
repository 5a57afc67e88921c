"""Wheels for another machine: resolved and fetched by uv and pip from a real index, carried, installed without one."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.facts import ImportedWheels
from runbook_lib.bundle.wheel_download import FetchedWheels, fetched_wheels
from runbook_lib.bundle.wheelhouse import WheelTarget
from runbook_lib.errors import BundleError
from runbook_lib.run.settings import Settings
from tests.environments.conftest import ENVIRON
from tests.unit.bundle.bundles import MakeTarget, take
from tests.unit.stages.verify.real_caches import Installed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("environments")]
WANTED = ("tqdm", "rpds-py")
"""The one needs colorama on Windows alone; the other is compiled."""


@contextmanager
def fetched(name: str, settings: Settings) -> Iterator[FetchedWheels]:
    """Fetch as everywhere on this machine, with the proxies and certificates that the tests take out."""
    outside = {name: value for name, value in ENVIRON.items() if re.search("PROXY|CERT|CA_BUNDLE", name.upper())}
    os.environ.update(outside)  # each test puts the environment back
    try:
        with fetched_wheels(WheelTarget.parse(name), WANTED, settings) as wheels:
            yield wheels
    except BundleError as error:
        if os.environ.get("CI") or "cannot be fetched" not in error.what:
            raise
        pytest.skip(f"no index of packages answers here: {error.why}")
    finally:
        for variable in outside:
            del os.environ[variable]


def carried(installed: Installed, make_target: MakeTarget, folder: Path, name: str) -> ImportedWheels:
    with fetched(name, installed.run.settings) as wheels:
        export_bundle(installed.run, folder / "bundle.tar", wheels=wheels)
    target = make_target()
    first = take(folder / "bundle.tar", target, wheels_dir=folder / "wheels").wheels
    again = take(folder / "bundle.tar", target, wheels_dir=folder / "wheels").wheels
    assert first is not None
    assert again is not None
    assert (first.placed, again.placed) == (first.count, 0)
    return first


def test_what_windows_alone_needs_comes_along_and_what_is_compiled_is_its_own(
    installed: Installed, make_target: MakeTarget, tmp_path: Path
) -> None:
    taken = carried(installed, make_target, tmp_path, "win_amd64-3.11")
    names = sorted(path.name for path in (tmp_path / "wheels").glob("*.whl"))
    assert [name.partition("-")[0] for name in names] == ["colorama", "rpds_py", "tqdm"]
    assert names[1].endswith("cp311-win_amd64.whl")
    assert (taken.count, taken.python) == (3, "3.11")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.skipif(sys.platform != "linux", reason="installs what is for Linux")
def test_the_command_that_is_said_installs_them_without_a_network(
    installed: Installed, make_target: MakeTarget, tmp_path: Path
) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    machine = "aarch64" if os.uname().machine == "aarch64" else "x86_64"
    taken = carried(installed, make_target, tmp_path, f"manylinux_2_28_{machine}-{version}")
    uv, lock = [sys.executable, "-m", "uv"], str(tmp_path / "wheels" / "pylock.toml")
    pip_python, uv_python = (tmp_path / name / "bin" / "python" for name in ("pip", "uv"))
    said = shlex.split(taken.command)
    assert said[:4] == ["python", "-m", "pip", "install"]
    for python, command in {
        pip_python: [str(pip_python), *said[1:]],
        uv_python: [*uv, "pip", "install", "--python", str(uv_python), "--offline", "--no-cache", "-r", lock],
    }.items():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        subprocess.run([str(python), "-c", "import tqdm, rpds"], check=True, timeout=60)
