"""Requirements as files state them."""

import pytest

from runbook_lib.audit.parsers.commands import split_commands
from runbook_lib.audit.parsers.dependencies import Dependency, installed_by, parse_requirements
from runbook_lib.audit.parsers.manifests import parse_conda, parse_pipfile_lock, parse_toml
from runbook_lib.audit.parsers.yaml_tree import parse_yaml
from runbook_lib.audit.sources.kinds import Kind


def stated(dependencies: list[Dependency]) -> list[tuple[str, str, int]]:
    return [(one.name, str(one.specifier), one.line) for one in dependencies]


def test_requirements_with_options_markers_hashes_and_comments() -> None:
    text = (
        "-r base.txt\n--index-url https://x\nHuggingface_Hub[cli]==1.33.0 \\\n  --hash=sha256:00\n"
        "docling>=2 ; python_version > '3.9'  # why\nx @ https://y/z.whl\n?? nonsense\n"
    )
    assert stated(list(parse_requirements(text))) == [("huggingface-hub", "==1.33.0", 3), ("docling", ">=2", 5)]


def test_pyproject_groups_and_poetry() -> None:
    text = (
        '[project]\ndependencies = [\n  "docling>=2",\n]\n[project.optional-dependencies]\na = ["httpx<1"]\n'
        '[dependency-groups]\nb = ["ruff", {include-group = "a"}]\n'
        '[tool.poetry.dependencies]\ntqdm = "*"\nrich = "^14"\n'
    )
    assert stated(list(parse_toml("pyproject.toml", text))) == [
        ("docling", ">=2", 3),
        ("httpx", "<1", 6),
        ("ruff", "", 8),
        ("tqdm", "", 10),
        ("rich", "<15,>=14", 11),
    ]


def test_lock_files() -> None:
    lock = '[[package]]\nname = "docling"\nversion = "2.143.0"\n[[package]]\nname = "x"\nsource = {a = 1}\n'
    assert stated(list(parse_toml("uv.lock", lock))) == [("docling", "==2.143.0", 2)]
    pipfile = '{"default": {"docling": {"version": "==2.143.0"}, "y": {"git": "z"}}}'
    assert stated(list(parse_pipfile_lock(pipfile))) == [("docling", "==2.143.0", 1)]
    assert list(parse_pipfile_lock("[]")) == []
    assert list(parse_toml("uv.lock", "not toml")) == []


def test_conda_environments() -> None:
    text = "name: x\ndependencies:\n  - python=3.11.*\n  - docling=2.143=py_0\n  - pip:\n    - 'httpx>=0.28'\n"
    assert stated(list(parse_conda(parse_yaml(text)))) == [
        ("python", "==3.11.*", 3),
        ("docling", "==2.143.*", 4),
        ("httpx", ">=0.28", 6),
    ]


def test_pip_lines_of_scripts() -> None:
    script = "pip3 install -i https://x 'docling[ocr]==2.143.0' \\\n  httpx && echo docling\n"
    script += "uv add rich; pip install -c c tqdm\n"
    found = [one for command in split_commands(script, Kind.SHELL) for one in installed_by(command)]
    assert stated(found) == [("docling", "==2.143.0", 1), ("httpx", "", 2), ("rich", "", 3)]


@pytest.mark.parametrize(
    ("requirement", "bounded", "before", "at_least"),
    [
        ("x", False, False, False),
        ("x>=1.9", False, False, True),
        ("x>1.8,!=2", False, False, False),
        ("x==1.8.0", True, True, False),
        ("x===1.9.0", True, False, True),
        ("x==1.8.*", True, True, False),
        ("x==1.*", True, False, False),
        ("x~=1.8.1", True, True, False),
        ("x~=1.9", True, False, True),
        ("x<1.9", True, True, False),
        ("x<=1.9", True, False, False),
        ("x>=1.33,<2", True, False, True),
    ],
)
def test_what_a_specifier_says_about_version_1_9(requirement: str, bounded: bool, before: bool, at_least: bool) -> None:
    [found] = parse_requirements(requirement)
    assert (found.is_bounded, found.is_before("1.9.0"), found.is_from("1.9.0")) == (bounded, before, at_least)
