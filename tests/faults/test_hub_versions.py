"""Every huggingface_hub from 0.25 on, really installed, on a machine without the symlink privilege."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from runbook_lib.practice.server import PracticeHub
from runbook_lib.quirks.hub_versions import RACE_FIXED_IN, VARIABLE_WORKS_SINCE
from tests.faults.conftest import Deny, MakeRepository, RunStages

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from integrity.clients import client_python

VERSIONS = ("0.25.2", "1.8.0", "1.9.0", "1.32.0", "1.33.0", "2.0.0", "2.4.0")
DOWNLOADS = 60
ROUNDS = 10
"""How often the affected versions are tried before the race counts as not met; on a busy machine it hides."""

DRIVER = Path(__file__).with_name("repeated_downloads.py")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hub(make_repository: MakeRepository) -> Iterator[PracticeHub]:
    with PracticeHub(repositories=[make_repository(9, size_bytes=100_000)]) as running:
        yield running


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> Version:
    return Version(request.param)


@pytest.fixture(scope="module")
def service_python(version: Version) -> Path:
    """An interpreter with that huggingface_hub and nothing of ours."""
    return client_python(str(version))


def failures_of(command: list[str], hub: PracticeHub, **variables: str) -> list[Any]:
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_TELEMETRY": "1", **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    failures: list[Any] = json.loads(done.stdout)["failures"]
    return failures


def test_the_bare_client_loses_downloads_until_1_33(
    hub: PracticeHub,
    version: Version,
    service_python: Path,
    without_symlinks: Deny,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    rounds = 1 if version >= RACE_FIXED_IN else ROUNDS
    refused: list[Any] = []
    for number in range(rounds):
        command = [service_python, DRIVER, "bare", "acme/model", str(DOWNLOADS), tmp_path / str(number)]
        failures = failures_of(without_symlinks(command), hub)
        refused += [failure for failure in failures if failure[:2] == ["OSError", 22]]
        record_property("lost", f"{len(failures)} of {DOWNLOADS} with huggingface_hub {version}, round {number}")
        if refused:
            break
    assert bool(refused) is (version < RACE_FIXED_IN), f"{len(refused)} lost in {rounds} rounds of {DOWNLOADS}"


@pytest.mark.parametrize("remedy", ["switched off", "settled first"])
def test_ours_loses_none(
    hub: PracticeHub, version: Version, service_python: Path, without_symlinks: Deny, tmp_path: Path, remedy: str
) -> None:
    """Either remedy alone is enough: symlinks switched off in the way the version knows, or the probe settled first."""
    command = [service_python, DRIVER, "ours", "acme/model", str(DOWNLOADS), tmp_path]
    variables = {}
    if remedy == "settled first":
        command.append("with symlinks")
    elif VARIABLE_WORKS_SINCE <= version < RACE_FIXED_IN:
        variables = {"HF_HUB_DISABLE_SYMLINKS": "1"}
    assert failures_of(without_symlinks(command), hub, **variables) == []


def test_the_stages_plan_for_the_version_of_the_service(
    hub: PracticeHub,
    version: Version,
    service_python: Path,
    without_symlinks: Deny,
    run_stages: RunStages,
    tmp_path: Path,
) -> None:
    settings = {
        "run_dir": str(tmp_path / "run"),
        "hub": hub.url,
        "models": "acme/model",
        "cache_dir": str(tmp_path / "cache" / "hub"),
        "artifacts_dir": str(tmp_path / "artifacts"),
        "target_python": str(service_python),
    }
    records = run_stages(settings, "configure_env", "download", "verify", wrap=without_symlinks)
    assert "error" not in records
    plan = records["configure_env"]["facts"]
    switch = {variable["name"]: variable["value"] for variable in plan["variables"]}.get("HF_HUB_DISABLE_SYMLINKS")
    assert plan["hub_version"] == f"huggingface_hub {version}"
    assert plan["links"] == "hardlink"
    if version >= RACE_FIXED_IN:
        assert (switch, plan["remedy"]) == (None, "nothing is needed: fixed in huggingface_hub 1.33.0")
    elif version >= VARIABLE_WORKS_SINCE:
        assert (switch, plan["remedy"].split(",")[0]) == ("1", "HF_HUB_DISABLE_SYMLINKS=1")
    else:
        assert switch is None
        assert plan["remedy"].startswith("settle the probe on one thread")
    outcome = {stage: record["status"] for stage, record in records.items()}
    configured = "ok" if version >= VARIABLE_WORKS_SINCE else "warn"  # the service's own downloads are not protected
    assert outcome == {"configure_env": configured, "download": "ok", "verify": "ok"}
