"""The doctor looks, imports nothing heavy, and judges by the worst."""

import json
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.checks.doctor import DoctorReport, examine
from runbook_lib.checks.registry import PROBES, list_checks
from runbook_lib.errors import UsageError
from runbook_lib.run.check import Status
from runbook_lib.run.settings import Settings

MakeSettings = Callable[..., Settings]

HEAVY = ("huggingface_hub", "docling", "torch", "transformers", "papermill", "jupyter_client", "matplotlib", "httpx")
UNNEEDED = ("tqdm", "yaml")
"""A bar that nobody sees, and what reads no file of a doctor's."""


def statuses(report: DoctorReport) -> dict[str, Status]:
    return {check.id: check.status for check in report.checks}


def test_every_check_that_applies_here_is_made_once(settings: MakeSettings) -> None:
    report = examine(settings())
    made = [check.id for check in report.checks]
    here = "Windows" if sys.platform == "win32" else "Linux"
    assert made == [probe.id for probe in PROBES if probe.applies_to(here)]
    assert report.stage == "doctor"


def test_offline_with_an_empty_cache_the_doctor_fails_and_says_why(settings: MakeSettings) -> None:
    report = examine(settings())
    assert statuses(report)["cached-models"] is Status.FAIL
    assert (report.status, report.exit_code) == (Status.FAIL, 1)
    assert "org/name@main: no refs/main" in str(report)


def test_a_warning_is_no_failure(settings: MakeSettings, leftover: Path) -> None:
    report = examine(settings(), only=("incomplete-files",))
    assert statuses(report) == {"incomplete-files": Status.WARN}
    assert report.exit_code == 0
    assert "runbook doctor --fix" in str(report)


def test_only_the_wanted_checks_are_made(settings: MakeSettings) -> None:
    assert set(statuses(examine(settings(), only=("free-space", "file-locks")))) == {"free-space", "file-locks"}


def test_a_check_of_another_system_is_skipped_when_it_is_asked_for(settings: MakeSettings) -> None:
    other = "text-encoding" if sys.platform != "win32" else "path-budget"
    assert other in statuses(examine(settings(), only=(other,)))


def test_an_unknown_check_names_the_nearest(settings: MakeSettings) -> None:
    with pytest.raises(UsageError, match="path-bugdet") as caught:
        examine(settings(), only=("path-bugdet",))
    assert "'path-budget'" in caught.value.remedy


def test_the_list_names_every_probe_with_its_quirk() -> None:
    assert [(row[0], row[1]) for row in list_checks().rows] == [(probe.id, probe.quirk or "-") for probe in PROBES]


def test_what_the_doctor_does_not_ask_is_skipped_and_says_who_asks(settings: MakeSettings) -> None:
    report = examine(settings(models="docling"), only=("huggingface-hub-imports", "run-writable", "models-known"))
    assert set(statuses(report).values()) == {Status.SKIP}
    assert str(report).count("stage detect") == 2


def test_the_report_is_a_json_document_with_the_status(settings: MakeSettings) -> None:
    document = json.loads(examine(settings(), only=("free-space",)).model_dump_json())
    assert (document["stage"], document["status"], document["schema_version"]) == ("doctor", "ok", 2)
    assert DoctorReport.model_validate(document).checks[0].id == "free-space"


def test_the_interpreter_of_a_service_is_examined_in_its_place(settings: MakeSettings, tmp_path: Path) -> None:
    venv.create(tmp_path / "service", with_pip=False)
    script = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    site = next((tmp_path / "service").rglob("site-packages"))
    info = site / "huggingface_hub-0.25.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: huggingface_hub\nVersion: 0.25.2\n", encoding="utf-8")
    report = examine(
        settings(target_python=str(tmp_path / "service" / script)),
        only=("huggingface-hub-installed", "docling-installed"),
    )
    evidence = {check.id: check.evidence for check in report.checks}
    assert evidence["huggingface-hub-installed"] == "version 0.25.2"
    assert "not found by" in evidence["docling-installed"]


def test_offline_nothing_is_imported_that_no_check_needs(in_tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from runbook_lib.checks.doctor import examine\n"
        "from runbook_lib.run.settings import Settings\n"
        "examine(Settings(offline=True, cache_dir='hub', artifacts_dir='artifacts'))\n"
        f"print([name for name in {(*HEAVY, *UNNEEDED)!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"
