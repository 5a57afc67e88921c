"""The direction of imports (design: the house), and what `import runbook_lib` may load."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import runbook_lib

PACKAGE = Path(runbook_lib.__file__).parent

LAYERS = (
    {"errors"},
    {"core"},
    {"render"},
    {"system", "notebooks"},
    {"cache", "workers", "quirks", "practice"},
    {"ocr"},
    {"pipeline"},
    {"run", "audit"},
    {"checks", "history"},
    {"stages"},
    {"upkeep", "service", "course"},
    {"bundle"},
    {"desired"},
    {"headless", "schedules"},
    {"fleet"},
    {"interactive", "terminal"},
    {"cli"},
    {"__main__"},
)
"""A part of the package may import itself and what stands above it here."""
LAYER = {part: number for number, layer in enumerate(LAYERS) for part in layer}

MAY_IMPORT_PRACTICE = {"headless/drill.py", "run/target.py", "stages/convert/collect.py"}
HEAVY = ("huggingface_hub", "docling", "docling_core", "torch", "transformers", "papermill", "ipywidgets", "matplotlib")


def parts() -> Iterator[tuple[str, Path]]:
    """Yield every module, under the name of its part of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if place.as_posix() != "__init__.py":
            yield place.parts[0].removesuffix(".py"), path


MODULES = [pytest.param(part, path, id=path.relative_to(PACKAGE).as_posix()) for part, path in parts()]


def imported(path: Path) -> Iterator[str]:
    """Yield the full names of what a module imports, at its top or inside its functions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_parts(path: Path) -> set[str]:
    """Return the parts of the package a module imports."""
    names = (name.split(".") for name in imported(path))
    return {words[1] for words in names if words[0] == "runbook_lib" and words[1:] not in ([], ["__version__"])}


@pytest.mark.parametrize(("part", "path"), MODULES)
def test_a_module_imports_only_what_stands_above_it(part: str, path: Path) -> None:
    if "scripts" in path.parts:
        assert own_parts(path) == set()
        return
    assert {other for other in own_parts(path) if other != part and LAYER[other] >= LAYER[part]} == set()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


TAKE_WHATEVER = {"open_run", "running_hub", "__init__"}
"""A run's parameters, which are checked one by one; a constructor's own; and what click and traitlets hand on."""


def unchecked(path: Path) -> Iterator[str]:
    """Yield where a value is made of names and types that nobody checks: a copy with changes, or `**changes`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and node.attr in ("model_copy", "model_construct"):
            yield f"{path.name}:{node.lineno} {node.attr}"
        if isinstance(node, ast.FunctionDef) and node.args.kwarg is not None and node.name not in TAKE_WHATEVER:
            rest = node.args.kwarg
            kind = ast.unparse(rest.annotation) if rest.annotation else "Any"
            if kind in ("object", "Any") and not rest.arg.startswith("_"):
                yield f"{path.name}:{node.lineno} **{rest.arg}"


def test_values_are_made_by_constructors_which_are_checked() -> None:
    """docling's own options, in the scripts, are not ours."""
    assert [found for _, path in parts() if "scripts" not in path.parts for found in unchecked(path)] == []


def test_the_path_of_a_notebook_is_spelled_in_one_place() -> None:
    literals = (
        (path.name, node.value)
        for _, path in parts()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    assert [found for found in literals if re.search(r"notebooks/\d\d_", found[1])] == []


def test_errors_imports_nothing_of_the_package() -> None:
    assert own_parts(PACKAGE / "errors.py") == set()


def test_practice_is_known_where_it_is_started_or_served() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for part, path in parts()
        if part not in ("practice", "cli") and "practice" in own_parts(path)
    }
    assert users == MAY_IMPORT_PRACTICE


@pytest.mark.parametrize("name", ["huggingface_hub", "docling", "docling_core", "torch", "transformers"])
def test_only_workers_and_the_service_import_the_model_libraries(name: str) -> None:
    users = {part for part, path in parts() if any(module.split(".")[0] == name for module in imported(path))}
    assert users <= {"workers", "service"}


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that are loaded after the code ran in a fresh interpreter."""
    command = [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize(
    "code",
    [
        "import runbook_lib; dir(runbook_lib); assert runbook_lib.__version__",
        "from runbook_lib import open_run, show",
        "from runbook_lib import detect, configure_env, download, verify, convert, measure_disk",
        "import runbook_lib.cli",
    ],
    ids=["package", "run", "stages", "cli"],
)
def test_importing_loads_nothing_heavy(code: str) -> None:
    assert loaded_by(code).isdisjoint(HEAVY)


def test_listing_the_commands_loads_what_parses_them_alone() -> None:
    assert loaded_by("import runbook_lib.cli").isdisjoint({"pydantic", "packaging", "tqdm", "psutil"})


REAL_RUN = """
from runbook_lib import configure_env, download, measure_disk, open_run, verify
from runbook_lib.errors import HubError
import runbook_lib.cli.run, runbook_lib.headless.runner
run = open_run(run_dir="run", models="org/name", cache_dir="hub", artifacts_dir="artifacts", offline=True)
configure_env(run)
try:
    download(run)
except HubError:
    pass
verify(run), measure_disk(run)
"""


@pytest.mark.client
@pytest.mark.usefixtures("in_tmp_path")
def test_a_run_that_is_no_practice_loads_nothing_of_practice() -> None:
    """Stage convert alone does, when no document is named: the samples are packaged with practice."""
    command = [sys.executable, "-c", f"{REAL_RUN}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert "runbook_lib.stages.measure_disk.collect" in loaded
    assert [name for name in loaded if name.startswith("runbook_lib.practice")] == []


def test_a_run_starts_without_compiling_a_grammar() -> None:
    """jsonschema 4.25 brought one: 2 s for every process that reads notebooks. constraints.txt holds it back."""
    assert loaded_by("import runbook_lib.headless.notebook").isdisjoint({"lark", "rfc3987_syntax"})


def test_jupyterlab_is_opened_without_what_executes_notebooks() -> None:
    assert loaded_by("import runbook_lib.interactive.lab, runbook_lib.cli.lab").isdisjoint({"papermill", "nbclient"})


def test_importing_the_package_alone_loads_none_of_its_parts() -> None:
    assert loaded_by("import runbook_lib").isdisjoint({"pydantic", "httpx", "tornado", "jinja2", "numpy"})


def test_every_public_name_can_be_had_and_no_other() -> None:
    for name in runbook_lib.__all__:
        assert getattr(runbook_lib, name) is not None
    assert set(runbook_lib.__all__) <= set(dir(runbook_lib))
    with pytest.raises(AttributeError, match="no attribute 'upload'"):
        runbook_lib.upload  # noqa: B018
