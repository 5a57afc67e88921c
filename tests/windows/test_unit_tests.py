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
    "practice/test_hub.py",
    "run",
    "stages/verify/test_problems.py",
    "system",
    "upkeep/test_dedupe.py",
    "workers",
)

# Of those, what asks clients and services and computes the same everywhere; it was half of the time of this test.
_ASKS_OTHERS = (
    "checks/probes/test_service.py",
    "checks/test_explain.py",
    "checks/test_mirror.py",
    "cli/test_bundle.py",  # tests/windows/test_bundles.py carries some
    "cli/test_commands.py::test_a_shell_completes_commands_settings_stages_drills_and_quirks",  # bash
    "cli/test_commands.py::test_repair_with_an_unreachable_hub_asks_to_come_later_and_lock_locks_nothing",
    "cli/test_lock.py",
    "cli/test_run.py::test_only_a_drill_loads_anything_of_practice",
    "cli/test_where.py",
    "workers/test_wanted_pipeline.py",
)


@pytest.mark.timeout(_LIMIT_S + 60)
def test_the_unit_tests_pass_on_windows(windows_python: WindowsPython, tmp_path: Path) -> None:
    chosen, left_out = ([f"tests/unit/{name}" for name in names] for names in (_TOUCHES_THE_MACHINE, _ASKS_OTHERS))
    assert [path for path in chosen + left_out if not (REPOSITORY / path.partition("::")[0]).exists()] == []
    report = tmp_path / "report.xml"
    command = [
        *("-m", "pytest", *chosen, "-m", "not slow", *(f"--deselect={name}" for name in left_out)),
        *("--quiet", "--tb=short", "--show-capture=no"),
        *("-p", "no:cacheprovider", "--basetemp", to_windows_path(tmp_path / "basetemp")),
        *("--junit-xml", to_windows_path(report)),
    ]
    # hub warns on every folder without symlinks, which is the case here; pytest would make an error of it.
    done = windows_python.run(command, env={"HF_HUB_DISABLE_SYMLINKS_WARNING": "1"}, timeout_s=_LIMIT_S)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]
    (suite,) = ET.parse(report).getroot().iter("testsuite")
    passed = int(suite.attrib["tests"]) - int(suite.attrib["skipped"])
    assert passed > 500
