"""Facts of Windows machines, judged by pure functions."""

from pathlib import Path, PureWindowsPath
from typing import Any, cast

import pytest
from packaging.version import Version

from runbook_lib.checks.probes.paths import judge_ascii, judge_budget, judge_cloud, judge_home, judge_privilege
from runbook_lib.run.check import Status

UTF8, WESTERN = 65001, 1252


def windows(path: str) -> Path:
    """Return a Windows path where the judge only reads its text."""
    return cast("Path", PureWindowsPath(path))


@pytest.mark.parametrize(
    ("cache", "artifacts", "long_paths", "status"),
    [
        (98, 48, False, Status.OK),
        (99, 48, False, Status.WARN),
        (98, 49, False, Status.WARN),
        (200, 200, True, Status.OK),
    ],
)
def test_the_budgets_are_98_and_48_characters(cache: int, artifacts: int, long_paths: bool, status: Status) -> None:
    roots = [windows("C:\\" + "x" * (length - 3)) for length in (cache, artifacts)]
    verdict = judge_budget(*roots, long_paths=long_paths)
    assert verdict.status is status
    assert f"{cache} of 98" in verdict.evidence
    assert f"{artifacts} of 48" in verdict.evidence


@pytest.mark.parametrize(
    ("places", "code_page", "version", "status"),
    [
        ({"the user's folder": r"C:\Users\Jörg"}, WESTERN, "7.22.0", Status.WARN),
        ({"the user's folder": r"C:\Users\Jörg"}, WESTERN, "7.22.2", Status.OK),
        ({"the user's folder": r"C:\Users\Jörg"}, UTF8, "7.22.0", Status.OK),
        ({"the user's folder": r"C:\Users\Joerg"}, WESTERN, "7.1.0", Status.OK),
        ({"Python's folder": "C:\\環境\\venv"}, WESTERN, "7.23.1", Status.WARN),
        ({"the document": "C:\\é.pdf"}, WESTERN, None, Status.OK),
    ],
)
def test_a_path_outside_ascii_matters_by_code_page_and_version(
    places: dict[str, str], code_page: int, version: str | None, status: Status
) -> None:
    parse = Version(version) if version else None
    assert judge_ascii(places, code_page=code_page, docling_parse=parse).status is status


ONEDRIVE = {"OneDrive": r"C:\Users\me\OneDrive"}


@pytest.mark.parametrize(
    ("cache", "environ", "placeholders", "status"),
    [
        (r"C:\Users\me\OneDrive\hf\hub", ONEDRIVE, (), Status.WARN),
        (r"c:\users\ME\onedrive", ONEDRIVE, (), Status.WARN),
        (r"C:\Users\me\OneDriveBackup\hub", ONEDRIVE, (), Status.OK),
        (r"C:\hf\hub", ONEDRIVE, (), Status.OK),
        (r"C:\hf\hub", {}, (r"C:\hf",), Status.WARN),
    ],
)
def test_a_cache_that_a_cloud_service_keeps_is_a_warning(
    cache: str, environ: dict[str, str], placeholders: tuple[str, ...], status: Status
) -> None:
    folders = tuple(windows(path) for path in placeholders)
    assert judge_cloud(windows(cache), environ, placeholders=folders).status is status


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"developer_mode": False, "elevated": False, "links": False, "ci": False}, Status.OK),
        ({"developer_mode": True, "elevated": False, "links": True, "ci": False}, Status.OK),
        ({"developer_mode": False, "elevated": True, "links": True, "ci": False}, Status.WARN),
        ({"developer_mode": False, "elevated": True, "links": False, "ci": False}, Status.OK),
        ({"developer_mode": False, "elevated": True, "links": True, "ci": True}, Status.OK),
    ],
)
def test_an_administrator_proves_nothing_about_the_service(facts: dict[str, Any], status: Status) -> None:
    assert judge_privilege(**facts).status is status


@pytest.mark.parametrize(
    ("home", "writable", "status"),
    [
        ("/var/lib/service", True, Status.OK),
        ("/", True, Status.WARN),
        ("/var/lib/service", False, Status.WARN),
        (None, True, Status.WARN),
    ],
)
def test_a_home_that_is_none_is_a_warning(home: str | None, writable: bool, status: Status) -> None:
    assert judge_home(Path(home) if home else None, writable=writable, seen="tried").status is status
