"""Arguments arrive on Windows as they were typed."""

import json
from pathlib import Path

import pytest

from tests.windows.windows_python import WindowsPython
from tests.windows.windows_user import RUN_LIMIT_S, WindowsUser

pytestmark = pytest.mark.timeout(RUN_LIMIT_S + 60)


def test_nothing_expands_globs_homes_and_variables(windows_python: WindowsPython, tmp_path: Path) -> None:
    """click 8 would: `report[1].log` is what a browser names a second download, and would become report1.log."""
    user = WindowsUser.made(windows_python, tmp_path)
    (user.home / "report[1].log").write_text("OSError: [WinError 1314] A required privilege is not held\n", "utf-8")
    (user.home / "report1.log").write_text("all is well\n", "utf-8")
    done = user.runbook("diagnose", "report[1].log", "--json")
    assert [finding["quirk"]["id"] for finding in json.loads(done.stdout)["findings"]] == ["quirk-001"]
    for typed in ("*.log", "~/report1.log", "%USERNAME%.log"):
        done = user.runbook("diagnose", typed, "--json")
        assert done.returncode == 2
        assert typed in json.loads(done.stdout)["error"]["what"]
