"""The unit tests, run by the Windows interpreter."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.windows.stability import unstable_under_wine
from tests.windows.windows_python import WindowsPython, to_windows_path

_LIMIT_S = 1_500.0

_FAULTS = "tests/unit/practice/test_faults.py"
_NO_RESET = "closing without linger sends FIN, not RST"

# What Wine does otherwise than Windows, so that the failure would say nothing about the runbook.
_WINE_DIFFERS = {
    f"{_FAULTS}::test_a_reset_ends_the_connection[0]": _NO_RESET,
    f"{_FAULTS}::test_a_fault_that_the_hub_client_cannot_survive_ends_in_its_error[reset-*-10-ReadError]": _NO_RESET,
}


@pytest.mark.timeout(_LIMIT_S + 60)
@unstable_under_wine
def test_the_unit_tests_pass_on_windows(windows_python: WindowsPython, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    command = [
        *("-m", "pytest", "tests/unit", "-m", "not slow", "--quiet", "--tb=short", "--show-capture=no"),
        *("-p", "no:cacheprovider", "--basetemp", to_windows_path(tmp_path / "basetemp")),
        *("--junit-xml", to_windows_path(report)),
        *(word for test in _WINE_DIFFERS for word in ("--deselect", test)),
    ]
    # hub warns on every folder without symlinks, which is the case here; pytest would make an error of it.
    done = windows_python.run(command, env={"HF_HUB_DISABLE_SYMLINKS_WARNING": "1"}, timeout_s=_LIMIT_S)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]
    (suite,) = ET.parse(report).getroot().iter("testsuite")
    passed = int(suite.attrib["tests"]) - int(suite.attrib["skipped"])
    assert passed > 0
