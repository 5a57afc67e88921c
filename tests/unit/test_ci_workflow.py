"""The workflow for GitHub's runners names only what there is, and asks for no more rights than it needs."""

import importlib.util
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from runbook_lib.cli import runbook

_REPOSITORY = Path(__file__).parents[2]
_WORKFLOW = _REPOSITORY / ".github" / "workflows" / "ci.yml"
_PATHS = ("constraints.txt", "pyproject.toml", "tests/unit", "tests/windows/windows_site")


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(_WORKFLOW.read_text(encoding="utf-8"))
    return loaded


def _commands(workflow: dict[str, Any]) -> Iterator[list[str]]:
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            for line in step.get("run", "").splitlines():
                yield shlex.split(line.removeprefix("! "))


def test_every_command_exists(workflow: dict[str, Any]) -> None:
    seen = set()
    for program, *arguments in _commands(workflow):
        seen.add(program)
        if program == "python":
            assert arguments[0] in ("-m", "-c")
            if arguments[0] == "-m":
                assert importlib.util.find_spec(arguments[1]) is not None, arguments[1]
        else:
            assert program in {script.name for script in entry_points(group="console_scripts")}, program
    assert seen == {"python", "runbook"}


def test_every_option_of_the_runbook_exists(workflow: dict[str, Any]) -> None:
    (arguments,) = (arguments for program, *arguments in _commands(workflow) if program == "runbook")
    command = runbook.get_command(click.Context(runbook), arguments[0])
    assert command is not None
    options = {option for parameter in command.params for option in parameter.opts}
    given = {argument for argument in arguments[1:] if argument.startswith("-")}
    assert given
    assert given <= options


@pytest.mark.parametrize("path", _PATHS)
def test_every_path_it_names_exists(path: str) -> None:
    assert path in _WORKFLOW.read_text(encoding="utf-8")
    assert (_REPOSITORY / path).exists()


def test_windows_is_denied_symlinks(workflow: dict[str, Any]) -> None:
    job = workflow["jobs"]["test"]
    denied = {entry["os"] for entry in job["strategy"]["matrix"]["include"] if entry.get("symlinks") == "deny"}
    assert denied == {"windows-latest"}
    # What sitecustomize.py of that folder listens to.
    site = (_REPOSITORY / "tests" / "windows" / "windows_site" / "sitecustomize.py").read_text(encoding="utf-8")
    assert "TEST_SYMLINKS" in job["env"]
    assert 'os.environ.get("TEST_SYMLINKS"' in site
    assert "tests/windows/windows_site" in job["env"]["PYTHONPATH"]


def test_the_denial_needs_no_wine(tmp_path: Path) -> None:
    site = str(_REPOSITORY / "tests" / "windows" / "windows_site")
    command = [sys.executable, "-c", "import os; os.symlink('target', 'link')"]
    environment = {**os.environ, "PYTHONPATH": site, "TEST_SYMLINKS": "deny"}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "A required privilege is not held by the client" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_may_only_read_knows_no_secret_and_ends(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets" not in _WORKFLOW.read_text(encoding="utf-8")
    assert workflow["concurrency"]["cancel-in-progress"] is True
    for job in workflow["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 60
        assert "permissions" not in job


def test_three_systems_and_the_python_of_the_project(workflow: dict[str, Any]) -> None:
    systems = [entry["os"] for entry in workflow["jobs"]["test"]["strategy"]["matrix"]["include"]]
    assert systems == ["ubuntu-latest", "macos-latest", "windows-latest"]
    for job in workflow["jobs"].values():
        (setup,) = (step for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python@"))
        assert setup["with"]["python-version"] == "3.11"
