"""What the doctor changes, for real, and what it leaves alone."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.cache.locks import blob_lock
from runbook_lib.checks.doctor import DoctorReport, examine
from runbook_lib.checks.fixes import FIXES, apply_fixes
from runbook_lib.run.check import Status
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import resolve_target

MakeSettings = Callable[..., Settings]

HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def fixed(settings: Settings, *only: str, dry_run: bool = False) -> DoctorReport:
    return apply_fixes(examine(settings, only), settings, dry_run=dry_run)


def test_every_fix_belongs_to_a_check_the_doctor_knows(settings: MakeSettings) -> None:
    made = examine(settings(), only=tuple(fix.check_id for fix in FIXES))
    assert {check.id for check in made.checks} == {fix.check_id for fix in FIXES}


def test_a_dry_run_names_what_would_change_and_changes_nothing(settings: MakeSettings, leftover: Path) -> None:
    report = fixed(settings(), "incomplete-files", dry_run=True)
    assert [change.what for change in report.changes] == [f"remove {leftover}"]
    assert report.planned
    assert "Would be changed by --fix" in str(report)
    assert leftover.exists()
    assert not Path("runs").exists()


def test_a_leftover_is_removed_checked_again_and_recorded(settings: MakeSettings, leftover: Path) -> None:
    report = fixed(settings(), "incomplete-files")
    assert not leftover.exists()
    assert [check.status for check in report.checks] == [Status.OK]
    (record,) = Path("runs").glob("doctor/*/doctor.json")
    kept = json.loads(record.read_text(encoding="utf-8"))
    assert kept["changes"] == [
        {"what": f"remove {leftover}", "before": "incomplete file, 2.0 MB", "after": "removed"},
    ]
    assert DoctorReport.model_validate(kept) == report


def test_a_leftover_that_a_download_may_still_want_is_left_alone(settings: MakeSettings, leftover: Path) -> None:
    lock = blob_lock(leftover.parents[2], "models--org--name", "0123")
    lock.parent.mkdir(parents=True)
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        report = fixed(settings(), "incomplete-files")
        other.communicate("")
    assert leftover.exists()
    assert "another process" in report.changes[0].after
    assert report.checks[0].status is Status.WARN


def test_dangling_links_are_removed_and_whole_ones_stay(settings: MakeSettings, dangling: Path) -> None:
    blob = dangling.parents[2] / "blobs" / "89ab"
    blob.parent.mkdir()
    blob.write_bytes(b"{}")
    whole = dangling.with_name("config.json")
    whole.symlink_to("../../blobs/89ab")
    report = fixed(settings(), "dangling-links")
    assert not dangling.is_symlink()
    assert whole.read_bytes() == b"{}"
    assert report.checks[0].status is Status.OK


def test_fixing_twice_changes_nothing_the_second_time(settings: MakeSettings, leftover: Path) -> None:
    fixed(settings(), "incomplete-files")
    again = fixed(settings(), "incomplete-files")
    assert again.changes == ()
    assert len(list(Path("runs").glob("doctor/*/doctor.json"))) == 1


def test_a_check_without_a_fix_is_left_to_people(settings: MakeSettings) -> None:
    report = fixed(settings(), "cached-models")
    assert (report.status, report.changes) == (Status.FAIL, ())


def test_a_kernel_of_another_python_would_be_registered_anew(
    settings: MakeSettings, in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = in_tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["/deleted/bin/python"]}', encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(in_tmp_path / "jupyter"))
    (change,) = fixed(settings(), "kernelspec", dry_run=True).changes
    assert (change.before, change.after) == ("starts /deleted/bin/python", f"starts {sys.executable}")


def test_the_variables_that_help_are_written_beside_the_record(settings: MakeSettings, in_tmp_path: Path) -> None:
    fix = next(fix for fix in FIXES if fix.check_id == "symlink-race")
    steps = fix.plan(resolve_target(settings()), in_tmp_path / "record")
    assert not (in_tmp_path / "record").exists()
    assert all(step.apply() for step in steps)
    assert {path.name for path in (in_tmp_path / "record").iterdir()} == {"env.sh", "env.ps1", ".env"}
    assert str(in_tmp_path / "hub") in (in_tmp_path / "record" / "env.sh").read_text(encoding="utf-8")


def test_a_step_that_raises_is_told_and_keeps_nothing_else_from_being_done(
    settings: MakeSettings, leftover: Path, dangling: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == leftover:
            raise PermissionError(13, "in use")
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    report = fixed(settings(), "incomplete-files", "dangling-links")
    after = {change.what: change.after for change in report.changes}
    assert after[f"remove {leftover}"].startswith("not done: [Errno 13]")
    assert not dangling.is_symlink()
