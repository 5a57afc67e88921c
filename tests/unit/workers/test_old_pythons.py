"""The scripts that run in a service's own Python: any from 3.9 on, and nothing but its standard library."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[3] / "runbook_lib" / "workers" / "scripts").glob("*.py"))
OLDEST = (3, 9)
OF_THE_SERVICE = frozenset(("PIL", "docling", "huggingface_hub", "pypdfium2"))
"""What is examined, and what that brings along: imported within functions alone."""
VERSIONS = ("3.9", "3.10", "3.12", "3.13", "3.14")


def imported(tree: ast.AST, *, everywhere: bool) -> set[str]:
    """Return the packages that a module imports, as it is imported or at all."""
    nodes = ast.walk(tree) if everywhere else ast.iter_child_nodes(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: str(script.stem))
def test_a_script_is_written_for_the_oldest_python(script: Path) -> None:
    tree = ast.parse(script.read_text(encoding="utf-8"), feature_version=OLDEST)
    own = {one.stem for one in SCRIPTS}
    standard = set(sys.stdlib_module_names)
    assert imported(tree, everywhere=False) <= standard | own, "importing it takes the standard library alone"
    assert imported(tree, everywhere=True) <= standard | own | OF_THE_SERVICE


@pytest.mark.client
@pytest.mark.parametrize("version", VERSIONS)
def test_a_script_is_imported_and_answers_in_a_real_python(version: str, tmp_path: Path) -> None:
    """An interpreter without any package: what it lacks is told in the answer, never by a traceback."""
    python = found(version)
    code = (
        "import importlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "for name in sys.argv[2:]: importlib.import_module(name)\n"
        "print(sys.version_info[:2])"
    )
    names = [script.stem for script in SCRIPTS if not script.stem.startswith("__")]
    done = subprocess.run(
        [python, "-I", "-W", "error", "-c", code, str(SCRIPTS[0].parent), *names],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tuple(map(int, version.split("."))))


def found(version: str) -> str:
    """Return an interpreter of this version; skips, with the reason, where there is none."""
    for name in (f"python{version}", f"python{version}.exe"):
        path = shutil.which(name)
        if path and version_of(path) == version:
            return path
    homes = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for installed in sorted(homes.glob(f"{version}.*/bin/python")):
        return str(installed)
    return pytest.skip(f"there is no Python {version} here")


def version_of(python: str) -> str:
    """Return its version, empty when it does not start: pyenv leaves shims for what it does not select."""
    code = "import json, sys; print(json.dumps(list(sys.version_info[:2])))"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    return ".".join(map(str, json.loads(done.stdout))) if done.returncode == 0 else ""
