"""The package as users get it: the built wheel, in an empty environment, outside of a clone."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_lib.workers.process_tree import end_tree
from tests.loopback_ports import address_of_lab

ROOT = Path(__file__).resolve().parents[2]
BIN = "Scripts" if os.name == "nt" else "bin"
_LIMIT_S = 600.0
_START_LIMIT_S = 180.0

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel"), pytest.mark.timeout(_LIMIT_S)]

Make = Callable[[str], Path]


def _uv(*words: str) -> None:
    uv = shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    assert uv is not None, "uv comes with the extra test"
    done = subprocess.run([uv, *words], cwd=ROOT, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    _uv("build", "--wheel", "--out-dir", str(folder))
    (built,) = folder.glob("docling_runbook-*.whl")
    return built


@pytest.fixture(scope="module")
def make(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Make an environment with the wheel and nothing else; `extra` as in brackets. Returns its folder of scripts."""

    def environment(extra: str) -> Path:
        folder = tmp_path_factory.mktemp("environment") / "venv"
        _uv("venv", "--quiet", "--python", sys.executable, str(folder))
        python = folder / BIN / Path(sys.executable).name
        _uv("pip", "install", "--quiet", "--python", str(python), "-c", "constraints.txt", f"{wheel}{extra}")
        return folder / BIN

    return environment


@pytest.fixture(scope="module")
def core(make: Make) -> Path:
    return make("")


@pytest.fixture(scope="module")
def whole(make: Make) -> Iterator[Path]:
    scripts = make("[notebooks]")
    yield scripts
    shutil.rmtree(scripts.parent)  # six gigabytes, mostly links into uv's cache, but not on every volume


def ran(scripts: Path, folder: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the installed command in a folder of its own, with nothing of this environment on its way."""
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    own |= {"HOME": str(folder), "USERPROFILE": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        [str(scripts / "runbook"), *words],
        input=given,
        cwd=folder,
        env=own,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )


def test_the_core_works_without_jupyter_papermill_matplotlib_and_docling(core: Path, tmp_path: Path) -> None:
    script = (
        "import importlib.util as u, json, runbook_lib;"
        "names = ('jupyterlab', 'papermill', 'ipywidgets', 'matplotlib', 'nbformat', 'docling', 'torch', 'jinja2');"
        "print(json.dumps([name for name in names if u.find_spec(name)])); runbook_lib.DoclingModelManager"
    )
    done = subprocess.run(
        [str(core / "python"), "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
    log = "OSError: [WinError 1314] A required privilege is not held by the client\n"
    assert "quirk-001" in ran(core, tmp_path, "diagnose", given=log).stdout
    assert ran(core, tmp_path, "audit", ".").returncode == 0
    assert ran(core, tmp_path, "quirks").returncode == 0
    doctor = ran(core, tmp_path, "doctor", "--json", "-p", "offline", "true", "-p", "models", "org/name")
    assert doctor.returncode in (0, 1)
    assert {check["id"] for check in json.loads(doctor.stdout)["checks"]} >= {"free-space", "cache-writable"}


def test_the_core_downloads_verifies_repairs_locks_and_dedupes(core: Path, tmp_path: Path) -> None:
    script = """
import pathlib, sys
from runbook_lib import DoclingModelManager
from runbook_lib.practice.server import PracticeHub
home = pathlib.Path(sys.argv[1])
models = "docling-project/docling-layout-heron"
with PracticeHub() as hub:
    places = {"cache_dir": home / "hub", "artifacts_dir": home / "artifacts"}
    print(DoclingModelManager(models=models, hub=hub.url, **places).ensure_models_downloaded().models)
"""
    done = subprocess.run(
        [str(core / "python"), "-c", script, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    weights = next((tmp_path / "hub").rglob("snapshots/*/*.safetensors")).resolve()
    weights.write_bytes(b"damaged")
    words = ("-p", "models", "docling-project/docling-layout-heron", "--practice")
    places = ("-p", "cache_dir", "hub", "-p", "artifacts_dir", "artifacts")
    assert ran(core, tmp_path, "lock", *words, *places).returncode == 1
    repaired = ran(core, tmp_path, "repair", *words, *places)
    assert repaired.returncode == 0, repaired.stderr + repaired.stdout
    assert ran(core, tmp_path, "lock", *words, *places).returncode == 0
    assert ran(core, tmp_path, "lock", "--check", *words, *places).returncode == 0
    assert ran(core, tmp_path, "dedupe", *places).returncode == 0


@pytest.mark.parametrize("command", ["run", "lab"])
def test_the_core_names_the_extra_that_a_command_needs(core: Path, tmp_path: Path, command: str) -> None:
    done = ran(core, tmp_path, command)
    assert done.returncode == 2
    assert 'pip install "docling-runbook[notebooks]"' in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_with_the_notebooks_a_document_converts(whole: Path, tmp_path: Path) -> None:
    done = ran(whole, tmp_path, "run", "--practice", "--run-dir", "r")
    assert done.returncode == 0, done.stderr
    assert "A document converts on this machine, now, with the network cut off: " in done.stdout
    assert (tmp_path / "r" / "report.html").is_file()
    assert min(path.name for path in (tmp_path / "r").glob("0*.ipynb")) == "01_detect.ipynb"


def test_with_the_notebooks_jupyterlab_serves_them(whole: Path, tmp_path: Path) -> None:
    own = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with (tmp_path / "lab.log").open("w+") as log:
        command = [str(whole / "runbook"), "lab", "--no-browser", "--port", "0", "--workspace", "w"]
        server = subprocess.Popen(command, cwd=tmp_path, env=own, stdout=log, stderr=log, start_new_session=True)
        try:
            url, token = address_of_lab(tmp_path / "lab.log", server, _START_LIMIT_S)
            with urllib.request.urlopen(f"{url}/api/contents/notebooks?token={token}", timeout=60) as answer:
                names = {entry["name"] for entry in json.load(answer)["content"]}
        finally:
            end_tree(server.pid)
            server.wait(30)
    assert {"00_start_here.ipynb", "06_measure_disk.ipynb"} <= names
