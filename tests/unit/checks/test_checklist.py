"""The boxes of the quirk note, judged one by one, and evaluated on this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from runbook_lib.cache.artifacts import STAMP_NAME, Stamp, StampedFile
from runbook_lib.checks.checklist import ONLY_YOU, ChecklistFacts, checklist, checklist_table, judge_checklist
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.run.check import Check, Status
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import resolve_target
from runbook_lib.system.filesystem import LinkProbe

MakeSettings = Callable[..., Settings]
REFUSED = LinkProbe(works=False, evidence="WinError 1314")
QUIRK_NOTE_BOXES = [
    "Set HF_HUB_DISABLE_SYMLINKS_WARNING=1 in environment",
    "Set constants.HF_HUB_DISABLE_SYMLINKS = True in code",
    "Pre-download models during Docker build (if using containers)",
    "Test model download without admin rights",
    "Verify DoclingModelManager.ensure_models_downloaded() succeeds",
    "Check logs for symlink warnings during startup",
    "Document Windows-specific setup in README",
    "Add pre-flight check script for Windows",
    "Provide pre-cached model download option",
    "Test on fresh Windows machine without admin rights",
]


def facts(**changes: Any) -> ChecklistFacts:
    fresh: dict[str, Any] = {
        "environ": {},
        "hub": Version("1.33.0"),
        "symlink": LinkProbe(works=True, evidence="made and read back"),
        "container": "",
        "rights": "user",
        "system": "Windows",
        "placed": True,
        "downloaded_by": "20260101T000000Z-host",
        "converted_by": "20260101T000000Z-host",
        "readme": "Setup on Windows: ...",
    }
    return ChecklistFacts(**{**fresh, **changes})


def box(check_id: str, **changes: Any) -> Check:
    return next(check for check in judge_checklist(facts(**changes)) if check.id == check_id)


def test_every_box_of_both_lists_is_answered_in_the_words_of_the_note() -> None:
    checks = judge_checklist(facts())
    assert [check.title for check in checks] == QUIRK_NOTE_BOXES
    assert all(check.evidence for check in checks)


def test_on_a_machine_in_order_only_two_boxes_are_left_to_people() -> None:
    left = [check.id for check in judge_checklist(facts()) if check.status is not Status.OK]
    assert left == ["box-prefetch", "box-logs"]


@pytest.mark.parametrize(
    ("variables", "hub", "status"),
    [
        ({}, "0.25.2", Status.OK),
        ({"HF_HUB_DISABLE_SYMLINKS_WARNING": "1"}, "1.32.0", Status.WARN),
        ({"HF_HUB_DISABLE_SYMLINKS_WARNING": "1", "HF_HUB_DISABLE_SYMLINKS": "1"}, "1.32.0", Status.OK),
        ({"HF_HUB_DISABLE_SYMLINKS_WARNING": "1"}, "1.33.0", Status.OK),
    ],
)
def test_the_warning_variable_is_no_remedy_and_that_is_said(
    variables: dict[str, str], hub: str, status: Status
) -> None:
    found = box("box-warning-variable", environ=variables, hub=Version(hub), symlink=REFUSED)
    assert found.status is status
    assert "It is not a remedy" in found.evidence


@pytest.mark.parametrize(
    ("hub", "variables", "status", "said"),
    [
        ("0.25.2", {"HF_HUB_DISABLE_SYMLINKS": "1"}, Status.WARN, "the line does nothing"),
        ("1.32.0", {}, Status.WARN, "before the import"),
        ("1.32.0", {"HF_HUB_DISABLE_SYMLINKS": "1"}, Status.OK, "before the import"),
        ("1.33.0", {}, Status.OK, "fixed since 1.33.0"),
    ],
)
def test_the_constant_in_code_is_judged_by_version(
    hub: str, variables: dict[str, str], status: Status, said: str
) -> None:
    found = box("box-constant-in-code", hub=Version(hub), environ=variables)
    assert found.status is status
    assert said in found.evidence


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"container": "", "placed": True}, Status.SKIP),
        ({"container": "/.dockerenv exists", "placed": True}, Status.OK),
        ({"container": "/.dockerenv exists", "placed": False}, Status.WARN),
        ({"container": "/.dockerenv exists", "placed": None}, Status.SKIP),
    ],
)
def test_prefetching_is_judged_inside_a_container(changes: dict[str, Any], status: Status) -> None:
    assert box("box-prefetch", **changes).status is status


@pytest.mark.parametrize(
    ("run", "rights", "status"),
    [("20260101", "user", Status.OK), ("20260101", "root or administrator", Status.WARN), ("", "user", Status.WARN)],
)
def test_a_download_counts_only_without_admin_rights(run: str, rights: str, status: Status) -> None:
    assert box("box-download-tested", downloaded_by=run, rights=rights).status is status


@pytest.mark.parametrize("check_id", ["box-ensured", "box-precached"])
def test_models_that_are_not_in_place_are_a_warning(check_id: str) -> None:
    assert box(check_id, placed=False).status is Status.WARN
    assert box(check_id, placed=None).evidence.startswith(ONLY_YOU)


def test_the_readme_is_read_for_windows() -> None:
    assert box("box-readme", readme="Only Linux.").status is Status.WARN
    assert box("box-readme", readme=None).evidence.startswith(ONLY_YOU)


@pytest.mark.parametrize("changes", [{"system": "Linux"}, {"rights": "root or administrator"}, {"converted_by": ""}])
def test_a_fresh_windows_machine_cannot_be_seen_from_elsewhere(changes: dict[str, str]) -> None:
    assert box("box-fresh-machine", **changes).status is Status.SKIP


def test_this_machine_is_evaluated_by_what_stands_on_its_disk(settings: MakeSettings, in_tmp_path: Path) -> None:
    target = resolve_target(settings())
    model = ModelRef("org/name")
    folder = target.artifacts_dir / model.folder_name
    folder.mkdir(parents=True)
    stamped = StampedFile(etag="9e26dfeeb6e641a33dae4961196235bdb965b21b", size_bytes=2, mtime_ns=0)
    stamp = Stamp(repo_id="org/name", revision="main", commit="a" * 40, docling="2", files={"config.json": stamped})
    (folder / STAMP_NAME).write_text(stamp.model_dump_json(), encoding="utf-8")
    (in_tmp_path / "README.md").write_text("On WINDOWS run the doctor.", encoding="utf-8")

    def ask() -> dict[str, Status]:
        return {check.id: check.status for check in checklist(target, [model])}

    assert ask()["box-ensured"] is Status.WARN
    (folder / "config.json").write_text("{}", encoding="utf-8")
    found = ask()
    assert (found["box-ensured"], found["box-readme"], found["box-download-tested"]) == (
        Status.OK,
        Status.OK,
        Status.WARN,
    )


def test_the_table_has_a_row_for_each_box() -> None:
    checks = judge_checklist(facts(readme="Only Linux."))
    table = checklist_table(checks)
    assert [row[1] for row in table.rows] == QUIRK_NOTE_BOXES
    assert "Say there how" in str(table.rows[6][2])
