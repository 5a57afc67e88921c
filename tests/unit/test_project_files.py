"""The files that say what to install agree, pin what they pin, and name no machine."""

import re
import subprocess
import tomllib
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import runbook_lib

ROOT = Path(__file__).parents[2]
IN_ENVIRONMENT = ["jupyterlab", "papermill", "ipywidgets", "docling", "huggingface_hub", "nbval"]
INSTALLERS = {"pip", "setuptools", "uv"}
"""Come with the environment, not with the constraints."""
MACHINE_PATH = re.compile(
    rb"/(?:home|Users)/(?!me\b|user\b|you\b|name\b|USER\b)[a-z][\w.-]*/|/work[/]|/tmp/pytest[-]of"
)
"""Written so that it does not find itself."""

OWN_FOLDER = re.compile(rb"/(?:tmp|root)/")
"""What a test may make up, and no document, default or stored output may name."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def environment() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def constraints() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_conda_brings_python_and_pip_and_pip_the_rest(environment: dict[str, Any]) -> None:
    assert environment["name"] == "docling-runbook"
    *conda, pip = environment["dependencies"]
    assert [re.split("[=<>]", package)[0] for package in conda] == ["python", "pip"]
    assert pip == {"pip": ["-c constraints.txt", *IN_ENVIRONMENT, "-e .[notebooks]"]}


def test_the_environment_s_python_is_one_the_project_takes(
    environment: dict[str, Any], project: dict[str, Any]
) -> None:
    python = Requirement(environment["dependencies"][0].replace("=", "==", 1)).specifier
    (version,) = (part.version for part in python)
    assert Version(version) in Requirement(f"python{project['project']['requires-python']}").specifier


def test_what_the_environment_names_the_project_needs(project: dict[str, Any]) -> None:
    table = project["project"]
    lines = (*table["dependencies"], *(line for extra in table["optional-dependencies"].values() for line in extra))
    assert {canonicalize_name(name) for name in IN_ENVIRONMENT} <= {
        canonicalize_name(Requirement(line).name) for line in lines
    }


def test_the_core_brings_neither_jupyter_nor_docling(project: dict[str, Any]) -> None:
    core = {canonicalize_name(Requirement(line).name) for line in project["project"]["dependencies"]}
    assert core.isdisjoint({"jupyterlab", "papermill", "ipywidgets", "nbval", "matplotlib", "docling", "jinja2"})


def test_every_constraint_is_one_version_from_the_registry(constraints: list[str]) -> None:
    for line in constraints:
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        assert (specifier.operator, requirement.url) == ("==", None), line
        assert "*" not in specifier.version, line
        assert Version(specifier.version).local is None, line
    names = [canonicalize_name(Requirement(line).name) for line in constraints]
    assert len(names) == len(set(names))


def test_constraints_pin_what_the_project_needs_within_its_bounds(
    constraints: list[str], project: dict[str, Any]
) -> None:
    pinned = {}
    for line in constraints:
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        pinned[canonicalize_name(requirement.name)] = specifier.version
    table = project["project"]
    extras = (line for extra in table["optional-dependencies"].values() for line in extra)
    for requirement in map(Requirement, (*table["dependencies"], *extras)):
        if requirement.name == table["name"]:
            continue
        name = canonicalize_name(requirement.name)
        assert name in INSTALLERS or requirement.specifier.contains(pinned[name]), requirement


def test_both_places_say_the_same_version(project: dict[str, Any]) -> None:
    assert project["project"]["version"] == runbook_lib.__version__


def tracked_files() -> list[Path]:
    if which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git here")
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = (ROOT / name for name in done.stdout.decode("utf-8").split("\0") if name)
    return [path for path in paths if path.is_file()]


def test_no_file_names_a_machine_of_ours() -> None:
    found = {}
    for path in tracked_files():
        place = path.relative_to(ROOT)
        patterns = (MACHINE_PATH,) if place.parts[0] == "tests" else (MACHINE_PATH, OWN_FOLDER)
        hits = [hit for pattern in patterns if (hit := pattern.search(path.read_bytes()))]
        if hits:
            found[place.as_posix()] = hits[0].group().decode()
    assert found == {}


def test_text_files_are_utf8_with_line_feeds() -> None:
    binary = {".pdf", ".png", ".ico", ".woff2"}
    for path in tracked_files():
        if path.suffix in binary or {"fixtures", "cases"} & set(path.parts):
            continue
        content = path.read_bytes()
        content.decode("utf-8")
        assert b"\r\n" not in content, path
