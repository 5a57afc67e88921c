"""Schedules read by the tools that own their formats, each in an environment of its own from the package index."""

import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from filelock import FileLock

from runbook_lib.schedules.in_services import github, gitlab
from runbook_lib.schedules.schedule import Printed, Schedule

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from integrity.clients import run_installer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def check_jsonschema() -> Path:
    home = platformdirs.user_cache_path("docling-runbook") / "schedule-owners" / "check-jsonschema"
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(home.with_suffix(".lock")):
        if not (home / "complete").exists():
            try:
                run_installer("venv", "--clear", "--python", sys.executable, str(home))
                run_installer("pip", "install", "--python", str(home / "bin" / "python"), "check-jsonschema")
            except RuntimeError as error:
                pytest.skip(f"check-jsonschema cannot be installed: {error}")
            (home / "complete").touch()
    return home / "bin" / "check-jsonschema"


def checked(tool: Path, file: Printed, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = folder / file.name
    path.write_bytes(file.content())
    return subprocess.run([str(tool), *words, str(path)], capture_output=True, text=True, timeout=120, check=False)


GITHUB = ("--builtin-schema", "vendor.github-workflows")
GITLAB = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")


def test_github_s_schema_takes_the_workflow(check_jsonschema: Path, hostile: Schedule, tmp_path: Path) -> None:
    (file,) = github(hostile)
    done = checked(check_jsonschema, file, tmp_path, *GITHUB)
    assert done.returncode == 0, done.stdout
    misspelt = Printed(file.name, file.text.replace("timeout-minutes", "timeout-minute"))
    assert checked(check_jsonschema, misspelt, tmp_path, *GITHUB).returncode == 1


def test_gitlab_s_schema_takes_the_pipeline(check_jsonschema: Path, hostile: Schedule, tmp_path: Path) -> None:
    (file,) = gitlab(hostile)
    done = checked(check_jsonschema, file, tmp_path, *GITLAB)
    assert done.returncode == 0, done.stdout
    wrong = Printed(file.name, file.text.replace("interruptible: false", "interruptible: perhaps"))
    assert checked(check_jsonschema, wrong, tmp_path, *GITLAB).returncode == 1
