"""What this lane stands on: the interpreter is Windows, its hard links are real, its symlinks are refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from tests.windows.windows_python import SymlinkPolicy, WindowsPython, to_windows_path

_START_LIMIT_S = 60.0
_NOTEBOOK_LIMIT_S = 180.0


def told(python: WindowsPython, code: str, *args: str, symlinks: SymlinkPolicy = "deny", **env: str) -> Any:
    """Run code that prints one JSON value as its last line, and return that value."""
    done = python.run(["-c", code, *args], env=env, timeout_s=_NOTEBOOK_LIMIT_S, symlinks=symlinks)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_interpreter_is_cpython_for_windows(windows_python: WindowsPython) -> None:
    code = "import json, os, sys; print(json.dumps([os.name, sys.platform, sys.version_info[:3], sys.stdout.encoding]))"
    assert told(windows_python, code) == ["nt", "win32", [3, 11, 9], "cp1252"]


def test_the_package_and_its_dependencies_import(windows_python: WindowsPython) -> None:
    code = """
import json, runbook_lib, pydantic, psutil, tornado, hf_xet, safetensors, win32api, numpy, huggingface_hub
print(json.dumps([runbook_lib.__file__, huggingface_hub.__version__]))
"""
    package, hub_version = told(windows_python, code)
    assert package.startswith("Z:\\")
    assert hub_version.startswith("1.")


def test_docling_answers_for_its_version_and_its_models_without_torch(windows_python: WindowsPython) -> None:
    code = """
import importlib.util, json
from importlib import metadata
from docling.datamodel.pipeline_options import PdfPipelineOptions
layout = PdfPipelineOptions().layout_options.model_spec.repo_id
print(json.dumps([metadata.version("docling"), layout, importlib.util.find_spec("torch") is None]))
"""
    version, layout, torch_is_absent = told(windows_python, code)
    assert version.startswith("2.")
    assert layout == "docling-project/docling-layout-heron"
    assert torch_is_absent


def test_what_the_machine_has_set_does_not_reach_windows(
    windows_python: WindowsPython, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_not_a_token")
    assert told(windows_python, "import json, os; print(json.dumps(os.environ.get('HF_TOKEN')))") is None


def test_arguments_variables_and_folders_may_hold_any_letter(windows_python: WindowsPython, tmp_path: Path) -> None:
    folder = tmp_path / "J\u00fcrgen \u0416\u4e2d"
    folder.mkdir()
    code = """
import json, os, pathlib, sys
(pathlib.Path(os.environ["PLACE"]) / "file").write_text("x", encoding="utf-8")
print(json.dumps([sys.argv[1], os.environ["PLACE"]]))
"""
    place = to_windows_path(folder)
    assert told(windows_python, code, place, PLACE=place) == [place, place]
    assert (folder / "file").read_text(encoding="utf-8") == "x"


def test_the_user_may_have_any_name_and_home(windows_python: WindowsPython, tmp_path: Path) -> None:
    home = to_windows_path(tmp_path / "J\u00fcrgen \u0416")
    code = "import json, os, pathlib; print(json.dumps([str(pathlib.Path.home()), os.environ['USERNAME']]))"
    assert told(windows_python, code, USERPROFILE=home, USERNAME="J\u00fcrgen") == [home, "J\u00fcrgen"]


def test_a_hard_link_shares_the_file(windows_python: WindowsPython, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"weights")
    code = """
import json, os, sys
os.chdir(sys.argv[1])
os.link("blob", "linked")
facts = [os.stat(name) for name in ("blob", "linked")]
print(json.dumps([[fact.st_nlink, fact.st_ino, fact.st_dev] for fact in facts]))
"""
    blob, linked = told(windows_python, code, to_windows_path(tmp_path))
    assert blob == linked
    assert blob[0] == 2
    assert (tmp_path / "blob").samefile(tmp_path / "linked")


def test_a_denied_symlink_raises_the_error_of_windows(windows_python: WindowsPython, tmp_path: Path) -> None:
    code = """
import json, pathlib, sys
link = pathlib.Path(sys.argv[1]) / "link"
try:
    link.symlink_to("target")
except OSError as error:
    print(json.dumps([type(error).__name__, error.errno, error.winerror, str(error)[:62]]))
"""
    message = "[WinError 1314] A required privilege is not held by the client"
    assert told(windows_python, code, to_windows_path(tmp_path)) == ["OSError", 22, 1314, message]
    assert list(tmp_path.iterdir()) == []


def test_wines_own_symlink_reports_success_and_creates_nothing(windows_python: WindowsPython, tmp_path: Path) -> None:
    code = "import json, os, sys; os.symlink('target', sys.argv[1]); print(json.dumps(os.path.lexists(sys.argv[1])))"
    link = to_windows_path(tmp_path / "link")
    assert told(windows_python, code, link, symlinks="stub") is False
    assert list(tmp_path.iterdir()) == []


def test_an_open_file_can_neither_be_removed_nor_replaced(windows_python: WindowsPython, tmp_path: Path) -> None:
    code = """
import json, os, sys
os.chdir(sys.argv[1])
refused = []
open("new", "w").close()
with open("held", "w"):
    for act in (lambda: os.remove("held"), lambda: os.replace("new", "held")):
        try:
            act()
        except PermissionError as error:
            refused.append(error.winerror)
print(json.dumps(refused))
"""
    assert told(windows_python, code, to_windows_path(tmp_path)) == [32, 5]


def test_papermill_runs_a_notebook_with_a_windows_kernel(windows_python: WindowsPython, tmp_path: Path) -> None:
    source, executed = tmp_path / "probe.ipynb", tmp_path / "executed.ipynb"
    show = "import json, os, sys\nprint(json.dumps([os.name, sys.platform, name]))"
    source.write_text(json.dumps(notebook("name = ''", show)), encoding="utf-8")
    name = "C:\\Users\\J\u00fcrgen"
    command = ["-m", "papermill", to_windows_path(source), to_windows_path(executed), "--parameters_raw", "name", name]
    done = windows_python.run(command, timeout_s=_NOTEBOOK_LIMIT_S)
    assert done.returncode == 0, done.stderr
    last_cell = json.loads(executed.read_text(encoding="utf-8"))["cells"][-1]
    assert json.loads("".join(last_cell["outputs"][0]["text"])) == ["nt", "win32", name]


def test_snapshot_download_ends_complete_without_symlinks(windows_python: WindowsPython, tmp_path: Path) -> None:
    weights = bytes(range(256)) * 4096
    files = (
        RepositoryFile("config.json", Content.of_bytes(b"{}")),
        RepositoryFile("model.safetensors", Content.of_bytes(weights), True),
        *(RepositoryFile(f"part-{number}.txt", Content.of_bytes(bytes([number]) * 99)) for number in range(8)),
    )
    code = "import json, huggingface_hub as hub; print(json.dumps(hub.snapshot_download('org/model')))"
    with PracticeHub(repositories=[linear_history("org/model", files)]) as hub:
        told(windows_python, code, HF_ENDPOINT=hub.url, HF_HOME=to_windows_path(tmp_path))
        (snapshot,) = (tmp_path / "hub" / "models--org--model" / "snapshots").iterdir()
        assert snapshot.name == hub.repositories[0].head.id
    assert {path.name for path in snapshot.iterdir()} == {file.path for file in files}
    assert (snapshot / "model.safetensors").read_bytes() == weights
    assert not any(path.is_symlink() for path in snapshot.iterdir())


def notebook(*cells: str) -> dict[str, Any]:
    """Return a notebook whose first cell holds the parameters."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {"tags": [] if number else ["parameters"]},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for number, source in enumerate(cells)
        ],
    }
