"""cron, systemd, launchd and Task Scheduler: each format read by what owns it, or by its own rules."""

import os
import plistlib
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.schedules.on_this_machine import cron, launchd, systemd, windows
from runbook_lib.schedules.schedule import DAYS, Schedule

NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
SETTINGS_ORDER = (
    "AllowStartOnDemand",
    "RestartOnFailure",
    "MultipleInstancesPolicy",
    "DisallowStartIfOnBatteries",
    "StopIfGoingOnBatteries",
    "AllowHardTerminate",
    "StartWhenAvailable",
    "NetworkProfileName",
    "RunOnlyIfNetworkAvailable",
    "WakeToRun",
    "Enabled",
    "Hidden",
    "DeleteExpiredTaskAfter",
    "IdleSettings",
    "NetworkSettings",
    "ExecutionTimeLimit",
    "Priority",
)
"""Names that MS-TSCH 2.5.4 knows for settings, which may stand in any order (xs:all)."""


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell reads it")
def test_a_line_of_cron_comes_out_of_cron_and_shell_as_the_words_that_were_meant(hostile: Schedule) -> None:
    (file,) = cron(hostile)
    (line,) = [line for line in file.text.splitlines() if not line.startswith("#")]
    minute, hour, day, month, weekdays, command = line.split(" ", 5)
    assert (minute, hour, day, month, weekdays) == ("20", "4", "*", "*", "1,2,3,4,5")
    assert "%" not in command.replace("\\%", ""), "cron ends a command at a bare percent sign"
    words = shlex.split(command.replace("\\%", "%"))
    assert words[:2] == ["cd", hostile.folder]
    assert words[3:6] == ["timeout", "--kill-after=60", "4h"]
    assert tuple(words[6:-2]) == hostile.words(delays=True)
    told = command.replace("\\%", "%").replace(hostile.python, "echo").replace("timeout --kill-after=60 4h", "")
    subprocess.run(["sh", "-c", told], check=True)
    assert (Path(hostile.folder) / "schedule.log").read_text().startswith("-m runbook_lib run --if-running skip")


def write_units(schedule: Schedule, folder: Path) -> Path:
    for file in systemd(schedule):
        (folder / file.name).write_bytes(file.content())
    return folder / "docling-runbook.timer"


def verified(*words: str, runtime: Path) -> subprocess.CompletedProcess[str]:
    runtime.mkdir(mode=0o700, exist_ok=True)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, env=environment, timeout=60, check=False
    )


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("days", [DAYS, DAYS[:5], ("mon", "thu")])
def test_systemd_takes_service_and_timer(hostile: Schedule, tmp_path: Path, days: tuple[str, ...]) -> None:
    timer = write_units(replace(hostile, days=days), tmp_path)
    for unit in (timer, timer.with_suffix(".service")):
        done = verified("verify", "--user", "--recursive-errors=no", str(unit), runtime=tmp_path / "xdg")
        assert (done.returncode, done.stderr) == (0, "")
    (calendar,) = [line.removeprefix("OnCalendar=") for line in timer.read_text().splitlines() if "OnCal" in line]
    assert verified("calendar", calendar, runtime=tmp_path / "xdg").returncode == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_the_check_of_systemd_finds_a_misspelt_key_only_when_it_is_told_to(hostile: Schedule, tmp_path: Path) -> None:
    timer = write_units(hostile, tmp_path)
    timer.write_text(timer.read_text().replace("RandomizedDelaySec", "RandomDelaySec"), encoding="utf-8")
    strict = verified("verify", "--user", "--recursive-errors=no", str(timer), runtime=tmp_path / "xdg")
    assert strict.returncode != 0
    assert verified("verify", "--user", str(timer), runtime=tmp_path / "xdg").returncode == 0


def test_the_words_of_a_service_are_kept_from_specifiers_and_variables(hostile: Schedule) -> None:
    (service,) = [file.text for file in systemd(hostile) if file.name.endswith(".service")]
    (line,) = [line for line in service.splitlines() if line.startswith("ExecStart=")]
    assert '"a \\"b\\" $$HOME %%h {{ ds }} <&> \\\\n"' in line
    assert f"WorkingDirectory={hostile.folder.replace('%', '%%')}\n" in service
    assert "RuntimeMaxSec" not in "".join(line for line in service.splitlines() if not line.startswith("#"))
    assert "TimeoutStartSec=4h\n" in service


def test_launchd_gets_a_property_list_with_the_words_as_they_are(hostile: Schedule) -> None:
    (file,) = launchd(hostile)
    job = plistlib.loads(file.content())
    assert job["ProgramArguments"] == list(hostile.words(delays=True))
    assert job["WorkingDirectory"] == hostile.folder
    assert job["StartCalendarInterval"][0] == {"Hour": 4, "Minute": 20, "Weekday": 1}
    assert len(job["StartCalendarInterval"]) == 5
    (daily,) = launchd(replace(hostile, days=DAYS))
    assert plistlib.loads(daily.content())["StartCalendarInterval"] == {"Hour": 4, "Minute": 20}


def task(schedule: Schedule) -> ET.Element:
    return ET.fromstring(windows(schedule)[0].content())


def names(element: ET.Element) -> list[str]:
    return [child.tag.removeprefix(NAMESPACE) for child in element]


def text(root: ET.Element, path: str) -> str | None:
    return root.findtext("/".join(f"{NAMESPACE}{name}" for name in path.split("/")))


def test_a_task_follows_the_schema_and_needs_no_admin(hostile: Schedule) -> None:
    root = task(hostile)
    assert names(root) == ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]
    (trigger,) = root.findall(f"{NAMESPACE}Triggers/*")
    assert names(trigger) == ["Enabled", "StartBoundary", "RandomDelay", "ScheduleByWeek"]
    assert names(trigger[3]) == ["WeeksInterval", "DaysOfWeek"]
    assert names(trigger[3][1]) == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    (settings,) = root.findall(f"{NAMESPACE}Settings")
    assert set(names(settings)) <= set(SETTINGS_ORDER)
    assert {name: text(root, f"Settings/{name}") for name in names(settings)} == {
        "MultipleInstancesPolicy": "IgnoreNew",
        "DisallowStartIfOnBatteries": "false",
        "StopIfGoingOnBatteries": "false",
        "StartWhenAvailable": "true",
        "ExecutionTimeLimit": "PT4H",
        "Priority": "7",
    }
    assert text(root, "Principals/Principal/LogonType") == "InteractiveToken"
    assert text(root, "Principals/Principal/RunLevel") == "LeastPrivilege"
    assert text(root, "Principals/Principal/UserId") is None
    actions = root.find(f"{NAMESPACE}Actions")
    assert actions is not None
    assert actions.get("Context") == root.find(f"{NAMESPACE}Principals/{NAMESPACE}Principal").get("id")  # type: ignore[union-attr]
    assert text(root, "Actions/Exec/Command") == hostile.python
    assert text(root, "Actions/Exec/WorkingDirectory") == hostile.folder
    _, *arguments = hostile.words(delays=False)
    assert text(root, "Actions/Exec/Arguments") == subprocess.list2cmdline(arguments)


def test_a_task_is_utf16_with_its_mark_and_the_line_names_its_file(hostile: Schedule) -> None:
    file, line = windows(hostile)
    assert file.content().startswith((b"\xff\xfe", b"\xfe\xff"))
    assert f"/XML {file.name}" in line.text


@pytest.mark.parametrize(
    ("zone", "is_local", "boundary"),
    [("UTC", False, "2026-01-01T04:20:00Z"), ("Europe/Berlin", True, "2026-01-01T04:20:00")],
)
def test_a_task_begins_by_the_machine_s_clock_or_by_utc(
    hostile: Schedule, zone: str, is_local: bool, boundary: str
) -> None:
    root = task(replace(hostile, zone=zone, zone_is_local=is_local, days=DAYS))
    assert text(root, "Triggers/CalendarTrigger/StartBoundary") == boundary
    assert text(root, "Triggers/CalendarTrigger/ScheduleByDay/DaysInterval") == "1"


@pytest.mark.parametrize("make", [cron, launchd, windows])
def test_a_zone_that_a_format_does_not_know_is_refused(hostile: Schedule, make: object) -> None:
    with pytest.raises(UsageError, match="cannot follow the time zone Asia/Tokyo"):
        make(replace(hostile, zone="Asia/Tokyo", zone_is_local=False))  # type: ignore[operator]
