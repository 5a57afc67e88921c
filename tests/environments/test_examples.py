"""The examples for fleets with their own tools, linted and run: make test-examples."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from tests.unit.stages.verify.real_caches import REPO_ID, Install

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from integrity.clients import run_installer

EXAMPLES = Path(__file__).parents[2] / "examples" / "fleet"
TOOLS = ("ansible-lint==26.10.1", "ansible-core==2.19.14", "kubernetes-validate==1.37.0")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("EXAMPLES"), reason="make test-examples installs their tools"),
]


@pytest.fixture(scope="session")
def tools() -> Path:
    """An environment of their own: they bring half of a distribution along."""
    home = platformdirs.user_cache_path("docling-runbook") / "example-tools"
    if not (home / "complete").exists():
        run_installer("venv", "--clear", "--python", sys.executable, str(home))
        run_installer("pip", "install", "--quiet", "--python", str(home / "bin" / "python"), *TOOLS)
        (home / "complete").touch()
    return home / "bin"


def called(tools: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "ANSIBLE_HOME": str(folder / ".ansible")}
    environment |= {"NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "default"}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture
def ansible(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLES / "ansible", tmp_path / "ansible")
    return tmp_path / "ansible"


def test_the_role_passes_ansible_lint_as_for_production(tools: Path, ansible: Path) -> None:
    done = called(tools, ansible, "ansible-lint", "--offline", "--profile", "production", "site.yml", "roles")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_daemonset_is_one_by_kubernetes_own_schema(tools: Path) -> None:
    folder = EXAMPLES / "kubernetes"
    done = called(tools, folder, "kubernetes-validate", "--strict", str(folder / "docling-models.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_role_converges_a_machine_once(tools: Path, ansible: Path, install: Install, tmp_path: Path) -> None:
    peer = install("hardlink").run
    runbook = str(Path(sys.executable).parent / "runbook")
    places = ["-p", "cache_dir", str(peer.cache_dir), "-p", "artifacts_dir", str(peer.artifacts_dir)]
    lock = str(tmp_path / "runbook.lock.json")
    subprocess.run([runbook, "lock", "--practice", "-p", "models", REPO_ID, *places, lock], check=True, timeout=120)
    here = ["--practice", "-p", "cache_dir", str(tmp_path / "hub"), "-p", "artifacts_dir", str(tmp_path / "artifacts")]
    given = {
        "docling_models_runbook": runbook,
        "docling_models_lock_file": lock,
        "docling_models_folder": str(tmp_path / "models"),
        "docling_models_origins": [str(peer.cache_dir)],
        "docling_models_options": here,
    }
    (ansible / "inventory").write_text(f"[docling]\nlocalhost ansible_python_interpreter={sys.executable}\n", "utf-8")
    words = ["ansible-playbook", "-i", "inventory", "-c", "local", "site.yml", "-e", json.dumps(given)]
    first = called(tools, ansible, *words)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "changed=3" in first.stdout
    again = called(tools, ansible, *words)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "changed=0" in again.stdout
