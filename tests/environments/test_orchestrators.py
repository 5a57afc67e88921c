"""Schedules read by real Airflow and Prefect, which take minutes to install: make test-orchestrators."""

import json
import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
import yaml
from filelock import FileLock

from runbook_lib.schedules.in_orchestrators import airflow, prefect
from runbook_lib.schedules.schedule import Schedule

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from integrity.clients import run_installer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not os.environ.get("ORCHESTRATORS"), reason="make test-orchestrators installs them"),
]

READ_DAGS = """
import importlib.util, json, sys
from pathlib import Path
from airflow.sdk.definitions._internal.contextmanager import DagContext
DagContext.current_autoregister_module_name = "__main__"
for path in map(Path, sys.argv[1:]):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(json.dumps({
    dag.dag_id: {
        "tasks": [task.task_id for task in dag.topological_sort()],
        "bash": [getattr(task, "bash_command", "") for task in dag.tasks],
        "max_active_runs": dag.max_active_runs,
        "catchup": dag.catchup,
    }
    for dag, _module in DagContext.autoregistered_dags
}))
"""
READ_DEPLOYMENT = """
import json, sys, yaml
from prefect.cli.deploy._models import PrefectYamlModel
read = PrefectYamlModel.model_validate(yaml.safe_load(open(sys.argv[1])))
print(read.model_dump_json(exclude_unset=True, by_alias=True))
"""


def interpreter(name: str, *packages: str) -> Path:
    home = platformdirs.user_cache_path("docling-runbook") / "schedule-owners" / name
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(home.with_suffix(".lock")):
        if not (home / "complete").exists():
            run_installer("venv", "--clear", "--python", sys.executable, str(home))
            run_installer("pip", "install", "--python", str(home / "bin" / "python"), *packages)
            (home / "complete").touch()
    return home / "bin" / "python"


def answer(python: Path, code: str, *words: str, home: Path) -> str:
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "PREFECT_HOME": str(home)}
    done = subprocess.run(
        [str(python), "-c", code, *words], capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_airflow_reads_both_dags(hostile: Schedule, tmp_path: Path) -> None:
    python = interpreter(
        "airflow",
        "apache-airflow>=3.1,<4",
        "apache-airflow-providers-papermill",
        "apache-airflow-providers-standard",
    )
    files = airflow(hostile)
    for file in files:
        (tmp_path / file.name).write_bytes(file.content())
    dags = json.loads(answer(python, READ_DAGS, *(str(tmp_path / file.name) for file in files), home=tmp_path))
    assert dags["docling_runbook_command"]["tasks"] == ["run"]
    assert "{{ ds }}" in dags["docling_runbook_command"]["bash"][0]
    assert dags["docling_runbook_notebooks"]["tasks"] == [
        "01_detect", "02_configure_env", "03_download", "04_verify", "05_convert", "06_measure_disk",
    ]  # fmt: skip
    assert {(dag["max_active_runs"], dag["catchup"]) for dag in dags.values()} == {(1, False)}


def test_prefect_reads_the_deployment_and_passes_over_nothing(hostile: Schedule, tmp_path: Path) -> None:
    python = interpreter("prefect", "prefect>=3,<4")
    _flow, deployment = prefect(hostile)
    (tmp_path / deployment.name).write_bytes(deployment.content())
    read = json.loads(answer(python, READ_DEPLOYMENT, str(tmp_path / deployment.name), home=tmp_path))
    assert read == yaml.safe_load(deployment.text)
