"""Run folders are copied to a real S3 server, with the packages that docs/scheduling.md names."""

import subprocess
from pathlib import Path

import pytest

from tests.environments.conftest import ROOT, PythonOf

pytestmark = [pytest.mark.client, pytest.mark.xdist_group("environments")]
_TESTS = Path(__file__).with_name("copies_to_s3.py")


def test_run_folders_go_to_an_s3_server_whole_or_not_at_all(python_of: PythonOf, tmp_path: Path) -> None:
    pytest_there = [str(python_of("S3")), "-m", "pytest", "-q", "--noconftest", "-p", "tests.unit.history.run_folders"]
    done = subprocess.run(
        [*pytest_there, "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "s3"), str(_TESTS)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
