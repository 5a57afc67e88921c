"""The unit tests of everything that touches the machine, run by the Windows interpreter."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.windows.windows_python import REPOSITORY, WindowsPython, to_windows_path

_LIMIT_S = 1_500.0

# Files, links, locks, processes, sockets, variables, the command line. What is left out computes the same everywhere,
# or starts hub's client so often (4 s a start under Wine) that the other files of this lane ask once instead.
_TOUCHES_THE_MACHINE = (
    "cache",
    "checks",
    "cli",
    "core",
    "pipeline",
    "practice/test_hub.py",
    "run",
    "stages/verify/test_problems.py",
    "system",
    "upkeep/test_dedupe.py",
    "workers",
)


@pytest.mark.timeout(_LIMIT_S + 60)
def test_the_unit_tests_pass_on_windows(windows_python: WindowsPython, tmp_path: Path) -> None:
    chosen = [f"tests/unit/{name}" for name in _TOUCHES_THE_MACHINE]
    assert [path for path in chosen if not (REPOSITORY / path).exists()] == []
    report = tmp_path / "report.xml"
    command = [
        *("-m", "pytest", *chosen, "-m", "not slow", "--quiet", "--tb=short", "--show-capture=no"),
        *("-p", "no:cacheprovider", "--basetemp", to_windows_path(tmp_path / "basetemp")),
        *("--junit-xml", to_windows_path(report)),
    ]
    # hub warns on every folder without symlinks, which is the case here; pytest would make an error of it.
    done = windows_python.run(command, env={"HF_HUB_DISABLE_SYMLINKS_WARNING": "1"}, timeout_s=_LIMIT_S)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]
    (suite,) = ET.parse(report).getroot().iter("testsuite")
    passed = int(suite.attrib["tests"]) - int(suite.attrib["skipped"])
    assert passed > 500
