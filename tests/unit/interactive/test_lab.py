import json
import re
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from runbook_lib.cli import runbook
from runbook_lib.interactive.lab import _arguments, copy_notebooks, open_lab, register_kernel
from runbook_lib.notebooks import KERNEL_NAME, NOTEBOOKS


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stand for the environment's folder, so that no kernel of this one is touched."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    return tmp_path / "environment"


def kernel_of(environment: Path) -> Path:
    return environment / "share" / "jupyter" / "kernels" / KERNEL_NAME / "kernel.json"


def test_the_kernel_is_registered_once_and_in_the_environment(environment: Path) -> None:
    assert register_kernel()
    assert json.loads(kernel_of(environment).read_text("utf-8"))["argv"][0] == sys.executable
    assert not register_kernel()


def test_the_kernel_of_an_environment_that_moved_is_replaced(environment: Path) -> None:
    register_kernel()
    stale = kernel_of(environment)
    stale.write_text(stale.read_text("utf-8").replace(json.dumps(sys.executable), '"/gone/python"'), "utf-8")
    assert register_kernel()
    assert json.loads(stale.read_text("utf-8"))["argv"][0] == sys.executable


def test_copies_use_the_kernel_and_changed_ones_are_kept(tmp_path: Path) -> None:
    copied, kept = copy_notebooks(tmp_path / "workspace")
    assert copied >= 8
    assert kept == 0
    first = tmp_path / "workspace" / "notebooks" / "00_start_here.ipynb"
    assert nbformat.read(first, as_version=4).metadata.kernelspec.name == KERNEL_NAME
    first.write_text("mine", encoding="utf-8")
    assert copy_notebooks(tmp_path / "workspace") == (0, copied)
    assert first.read_text(encoding="utf-8") == "mine"


@pytest.mark.usefixtures("environment")
def test_lab_serves_this_machine_alone_and_keeps_the_token(in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]  # jupyterlab comes without types

    given: list[str] = []
    monkeypatch.setattr(LabApp, "launch_instance", lambda *, argv: given.extend(argv))
    result = CliRunner().invoke(runbook, ["lab", "--no-browser", "--port", "0"])
    assert result.exit_code == 0, result.output
    assert "--ServerApp.ip=127.0.0.1" in given
    assert f"--ServerApp.root_dir={in_tmp_path / 'workspace'}" in given
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in given
    assert "--no-browser" in given
    assert not any("token" in argument or "password" in argument for argument in given)


@pytest.mark.usefixtures("environment")
def test_in_place_nothing_is_copied(in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyterlab.labapp import LabApp

    given: list[str] = []
    monkeypatch.setattr(LabApp, "launch_instance", lambda *, argv: given.extend(argv))
    result = CliRunner().invoke(runbook, ["lab", "--in-place"])
    assert result.exit_code == 0, result.output
    assert f"--ServerApp.root_dir={NOTEBOOKS.parent}" in given
    assert not (in_tmp_path / "workspace").exists()


def test_every_link_of_a_copy_leads_to_a_file(tmp_path: Path) -> None:
    copy_notebooks(tmp_path)
    copies = sorted((tmp_path / "notebooks").glob("*.ipynb"))
    targets = {
        (copy, target.partition("#")[0])
        for copy in copies
        for cell in nbformat.read(copy, as_version=4).cells
        if cell.cell_type == "markdown"
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", cell.source)
    }
    assert len(targets) > 10
    assert [f"{copy.name}: {target}" for copy, target in targets if not (copy.parent / target).is_file()] == []


@pytest.mark.usefixtures("environment", "in_tmp_path")
def test_jupyterlab_asks_nothing_about_news(monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyterlab.labapp import LabApp
    from jupyterlab_server.settings_utils import _get_overrides

    monkeypatch.setattr(LabApp, "launch_instance", lambda **_more: None)
    open_lab(None, port=0, browser=False)
    overrides, _error = _get_overrides("")
    assert overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_in_place_the_links_to_the_documentation_work() -> None:
    given = list(_arguments(NOTEBOOKS.parent, 8888, browser=True))
    assert f"--ServerApp.root_dir={NOTEBOOKS.parent}" in given
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in given
    assert "--no-browser" not in given
