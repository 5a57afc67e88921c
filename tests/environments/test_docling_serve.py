"""docling-serve for real: a machine prepared from nothing, the server offline on it, and each trap told before."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.practice.sample import SAMPLE_SENTENCES, SCAN_SENTENCES, sample_document, scanned_page
from tests.environments.conftest import PythonOf
from tests.environments.running_serve import RunningServe, started

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("docling-serve"), pytest.mark.timeout(1800)]

SERVE, BOOT = "DOCLING_SERVE_ARTIFACTS_PATH", "DOCLING_SERVE_LOAD_MODELS_AT_BOOT"
NO_RESULT = {"detail": "Task result not found. Please wait for a completion status."}
_RUN_LIMIT_S = 900


@pytest.fixture(scope="module")
def python(python_of: PythonOf) -> Path:
    return python_of("docling-serve")


@pytest.fixture(scope="module")
def prepared(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a whole run got the models for docling-serve's interpreter and proved them."""
    place = tmp_path_factory.mktemp("prepared")
    done = runbook(place, "run", "--practice", "--json", python=python)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return place


def runbook(
    place: Path, *words: str, python: Path, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    settings = {
        "target_python": python,
        "cache_dir": place / "cache",
        "artifacts_dir": place / "artifacts",
    }
    given = [word for name, value in settings.items() for word in ("-p", name, str(value))]
    return subprocess.run(
        [sys.executable, "-m", "runbook_lib", *words, *given],
        cwd=place,
        env={**os.environ, "OMP_NUM_THREADS": "2", **(variables or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=_RUN_LIMIT_S,
        check=False,
    )


def doctor(place: Path, python: Path, *words: str, **variables: str) -> dict[str, dict[str, Any]]:
    """Return the doctor's checks by id; it starts no docling."""
    done = runbook(place, "doctor", "--json", "-p", "hub", "practice", *words, python=python, variables=variables)
    checks: list[dict[str, Any]] = json.loads(done.stdout)["checks"]
    return {check["id"]: check for check in checks}


@pytest.fixture(scope="module")
def serving(prepared: Path, python: Path) -> Iterator[RunningServe]:
    with started(python, prepared / "home", {SERVE: str(prepared / "artifacts")}) as serve:
        assert serve.process.poll() is None, serve.said()[-3000:]
        yield serve


def test_a_machine_prepared_by_the_runbook_converts_over_http_without_a_network(serving: RunningServe) -> None:
    born_digital, scanned = serving.markdown(sample_document()), serving.markdown(scanned_page())
    assert [sentence for sentence in SAMPLE_SENTENCES if sentence not in born_digital] == []
    assert [sentence for sentence in SCAN_SENTENCES if sentence not in scanned] == []


def test_it_opens_its_port_after_its_models_are_loaded(serving: RunningServe) -> None:
    """So that nobody ever sees 503 `Models not yet loaded`: until then the connection is refused."""
    assert serving.refused == {"ConnectError"}
    assert [serving.get(path).status_code for path in ("/livez", "/health", "/readyz", "/healthz")] == [200] * 3 + [404]


def test_a_model_that_only_some_requests_want_is_missed_by_them_alone(serving: RunningServe) -> None:
    """Ready says nothing of it; what is missing stands in the log."""
    answer = serving.convert(sample_document(), do_formula_enrichment="true")
    assert answer.status_code == 404
    assert answer.json() == NO_RESULT
    assert serving.get("/readyz").status_code == 200


def test_the_running_service_is_told_with_what_its_answer_leaves_open(
    serving: RunningServe, prepared: Path, python: Path
) -> None:
    found = doctor(prepared, python, "--only", "service-answers", "-p", "service_url", serving.url)["service-answers"]
    assert found["status"] == "ok"
    assert "docling-serve 1.38.2 is ready" in found["evidence"]


def test_before_the_start_nothing_is_said_against_a_machine_in_order(prepared: Path, python: Path) -> None:
    found = doctor(prepared, python, **{SERVE: str(prepared / "artifacts")})
    assert {found[name]["status"] for name in ("serve-artifacts", "serve-models", "serve-boot")} == {"ok"}
    assert found["service-answers"]["status"] == "skip"


def test_a_model_that_is_missing_is_told_before_the_start(prepared: Path, python: Path, tmp_path: Path) -> None:
    """The process would end at its start, or the first request would fail."""
    lacking = tmp_path / "lacking"
    shutil.copytree(prepared / "artifacts", lacking)
    shutil.rmtree(lacking / "docling-project--docling-models")
    found = doctor(prepared, python, **{SERVE: str(lacking)})["serve-models"]
    assert found["status"] == "fail"
    assert "docling-project/docling-models@v2.3.0" in found["evidence"]


def test_boot_loading_off_and_a_missing_folder_are_told_before_and_end_in_404(
    prepared: Path, python: Path, tmp_path: Path
) -> None:
    variables = {SERVE: str(tmp_path / "not mounted"), BOOT: "false"}
    found = doctor(prepared, python, **variables)
    assert (found["serve-artifacts"]["status"], found["serve-artifacts"]["quirk"]) == (
        "fail",
        "jobkit-artifacts-invalid",
    )
    assert (found["serve-boot"]["status"], found["serve-boot"]["quirk"]) == ("warn", "serve-ready-without-models")
    with started(python, tmp_path / "home", variables) as serve:
        assert serve.get("/readyz").status_code == 200, "ready, without a single model"
        answer = serve.convert(sample_document())
        assert answer.status_code == 404
        assert answer.json() == NO_RESULT
        assert "artifacts_path is set to an invalid directory" in serve.said()
        running = doctor(prepared, python, "-p", "service_url", serve.url, **variables)["service-answers"]
        assert (running["status"], running["quirk"]) == ("warn", "serve-ready-without-models")


def test_with_boot_loading_on_a_missing_folder_ends_the_process_offline(python: Path, tmp_path: Path) -> None:
    with started(python, tmp_path / "home", {SERVE: str(tmp_path / "not mounted")}) as serve:
        assert serve.process.poll() == 3
        assert "Application startup failed" in serve.said()
