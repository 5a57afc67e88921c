"""A lane of the tests that is left out is said, and where CI=true it is a failure, unless nothing can help."""

import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lanes() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "tools" / "lanes.py"))


def said(lanes: dict[str, Any], capsys: pytest.CaptureFixture[str], *, cannot_mount: str) -> tuple[int, str]:
    lanes["main"].__globals__["why_no_namespaces"] = lambda: cannot_mount
    return lanes["main"](), capsys.readouterr().out


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_a_lane_without_its_programs_is_named_with_the_way_to_get_them(
    lanes: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    ci: str,
    code: int,
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(shutil, "which", lambda program: None if program == "bindfs" else f"/usr/bin/{program}")
    exit_code, out = said(lanes, capsys, cannot_mount="")
    assert exit_code == code
    assert "the file system lane needs bindfs" in out
    assert "apt-get install" in out


def test_where_nothing_can_be_mounted_the_lane_is_left_out_without_failing(
    lanes: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(shutil, "which", lambda program: None if "fuse" in program else f"/usr/bin/{program}")
    exit_code, out = said(lanes, capsys, cannot_mount="unshare: Operation not permitted")
    assert exit_code == 0
    assert "nothing can be mounted here: unshare: Operation not permitted" in out


def test_the_page_of_file_systems_names_every_one_of_the_lane() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "make_filesystem_docs.py"))
    assert tool["check"]((ROOT / "docs" / "filesystems.md").read_text(encoding="utf-8")) == 0, (
        "run tools/make_filesystem_docs.py"
    )
