"""The shape of a notebook (design: Notebooks), so that each can be read, run alone and run by papermill."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib.run.folder import STAGES, stage_file_stem
from runbook_lib.run.settings import Settings

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]

SAID_AT_THE_TOP = ("**What it does:**", "**When to run it:**", "**What it changes:**", "**Time:**")
MAX_LINES = 8
FORBIDDEN = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.For,
    ast.While,
    ast.If,
    ast.Try,
    ast.With,
    ast.Lambda,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
)
FORBIDDEN_CALLS = {"input", "exit", "quit", "exec", "eval", "get_ipython"}
LINK = re.compile(r"\]\(([^)\s]+)\)")

RUN_NOTEBOOKS = [path for path in NOTEBOOKS if path.stem < "90"]
"""Those that open a run; from 90 on stand tools that need none."""

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
each_run_notebook = pytest.mark.parametrize("path", RUN_NOTEBOOKS, ids=[path.stem for path in RUN_NOTEBOOKS])


@cache
def notebook(path: Path) -> Any:
    node = nbformat.read(path, as_version=4)
    nbformat.validate(node)
    return node


def sources(path: Path, kind: str) -> list[str]:
    return [cell.source for cell in notebook(path).cells if cell.cell_type == kind]


def parameters_cell(path: Path) -> str:
    (cell,) = (cell for cell in notebook(path).cells if "parameters" in cell.metadata.get("tags", ()))
    return str(cell.source)


def other_code(path: Path) -> list[str]:
    return [source for source in sources(path, "code") if source != parameters_cell(path)]


def parameters(path: Path) -> Iterator[tuple[str, str, object]]:
    """Yield name, annotation and value of each parameter."""
    for node in ast.parse(parameters_cell(path)).body:
        assert isinstance(node, ast.AnnAssign), "a parameter has an annotation"
        assert isinstance(node.target, ast.Name)
        assert node.value is not None
        yield node.target.id, ast.unparse(node.annotation), ast.literal_eval(node.value)


def test_there_is_a_notebook_for_every_stage() -> None:
    assert {stage_file_stem(stage) for stage in STAGES} | {"00_start_here"} <= set(NAMES)


@each_notebook
def test_the_title_carries_the_number_and_the_top_says_what_when_changes_and_time(path: Path) -> None:
    first = notebook(path).cells[0]
    assert first.cell_type == "markdown"
    title, *rest = first.source.splitlines()
    words = path.stem.split("_")
    assert title == f"# {words[0]} {' '.join(words[1:]).capitalize()}"
    places = [" ".join(rest).find(label) for label in SAID_AT_THE_TOP]
    assert -1 not in places
    assert places == sorted(places)


@each_notebook
def test_the_first_code_cell_holds_the_parameters_and_nothing_else(path: Path) -> None:
    assert sources(path, "code")[0] == parameters_cell(path)


@each_notebook
def test_every_parameter_has_one_line_its_type_and_a_help_text(path: Path) -> None:
    lines = parameters_cell(path).splitlines()
    for line, (name, annotation, value) in zip(lines, parameters(path), strict=True):
        assert annotation == type(value).__name__, name
        assert re.search(r"  # \S.+", line), f"{name} has no help"


@each_run_notebook
def test_every_parameter_is_a_setting_with_the_same_default(path: Path) -> None:
    given = {name: value for name, _, value in parameters(path)}
    assert next(iter(given)) == "run_dir"
    assert given == {name: Settings.model_fields[name].default for name in given}


@each_run_notebook
def test_the_second_code_cell_opens_the_run_with_every_parameter(path: Path) -> None:
    opening = sources(path, "code")[1]
    calls = (node for node in ast.walk(ast.parse(opening)) if isinstance(node, ast.Call))
    (call,) = (call for call in calls if ast.unparse(call.func) == "open_run")
    passed = {str(word.arg): ast.unparse(word.value) for word in call.keywords}
    passed.pop("new", None)
    assert passed == {name: name for name, _, _ in parameters(path)}


@each_notebook
def test_cells_hold_no_program(path: Path) -> None:
    for source in sources(path, "code"):
        assert not re.search(r"^\s*[!%]", source, re.MULTILINE), source
        for node in ast.walk(ast.parse(source)):
            assert not isinstance(node, FORBIDDEN), f"{type(node).__name__}: {source}"
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in FORBIDDEN_CALLS, source
                assert called != "sys.exit", source


@each_notebook
def test_cells_are_short(path: Path) -> None:
    for source in other_code(path):
        assert len(source.splitlines()) <= MAX_LINES, source


@each_notebook
def test_cells_import_only_the_public_names(path: Path) -> None:
    for source in sources(path, "code"):
        for node in ast.walk(ast.parse(source)):
            assert not isinstance(node, ast.Import), source
            if isinstance(node, ast.ImportFrom):
                assert node.module in {"runbook_lib", "runbook_lib.interactive"}, source


@each_notebook
def test_it_ends_with_result_and_next(path: Path) -> None:
    headings = [line for source in sources(path, "markdown") for line in source.splitlines() if line.startswith("## ")]
    assert headings[-2:] == ["## Result", "## Next"]
    assert notebook(path).cells[-1].cell_type == "markdown"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_shows_its_record_and_requires_it(stage: str) -> None:
    path = ROOT / "notebooks" / f"{stage_file_stem(stage)}.ipynb"
    last_lines = [source.splitlines()[-1] for source in other_code(path)]
    assert last_lines[-1] == "record.require()"
    assert {"record", "CheckList(run, record)"} & set(last_lines)
    nodes = (node for source in other_code(path) for node in ast.walk(ast.parse(source)))
    assert [ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)].count(stage) == 1


@each_notebook
def test_links_lead_somewhere(path: Path) -> None:
    for source in sources(path, "markdown"):
        for target in LINK.findall(source):
            if not target.startswith(("https://", "#")):
                assert (path.parent / target.partition("#")[0]).exists(), target


def test_the_story_leads_through_every_stage_in_order() -> None:
    path = ROOT / "notebooks"
    for number, stage in enumerate(STAGES[:-1]):
        follower = f"{stage_file_stem(STAGES[number + 1])}.ipynb"
        assert f"({follower})" in sources(path / f"{stage_file_stem(stage)}.ipynb", "markdown")[-1]
    assert "(01_detect.ipynb)" in sources(path / "00_start_here.ipynb", "markdown")[-1]


@each_notebook
def test_prose_is_ascii_and_calm(path: Path) -> None:
    for source in (*sources(path, "markdown"), *sources(path, "code")):
        assert source.isascii(), source
        assert "!" not in re.sub(r"`[^`]*`", "", source), source


@each_notebook
def test_the_index_names_it(path: Path) -> None:
    index = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert f"({path.name})" in index


@each_notebook
def test_the_kernel_is_any_python_3_and_no_output_is_an_error(path: Path) -> None:
    node = notebook(path)
    assert node.metadata.kernelspec.name == "python3"
    outputs = [output for cell in node.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert [output for output in outputs if output.get("name") == "stderr"] == []


def test_papermill_describes_every_parameter() -> None:
    """One process for all: importing papermill takes longer than reading the notebooks."""
    code = (
        "import sys\n"
        "from papermill.cli import papermill\n"
        "for path in sys.argv[1:]:\n"
        "    print('=====', path, flush=True)\n"
        "    try:\n"
        "        papermill(['--help-notebook', path])\n"
        "    except SystemExit as end:\n"
        "        assert not end.code\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, NOTEBOOKS)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    _, *described = done.stdout.split("===== ")
    assert len(described) == len(NOTEBOOKS)
    for path, text in zip(NOTEBOOKS, described, strict=True):
        assert "Can't infer anything" not in text
        for name, annotation, value in parameters(path):
            shown = re.search(rf"^  {name}: {annotation}\s+\(default\s+(.*?)\)\s+\w", text, re.MULTILINE | re.DOTALL)
            assert shown, f"{path.name} does not describe {name}: {text}"
            assert ast.literal_eval(re.sub(r"\n\s+", " ", shown[1])) == value
