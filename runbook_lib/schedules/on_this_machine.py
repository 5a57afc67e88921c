"""Formats of the machine's own schedulers: cron, systemd, launchd, Task Scheduler."""

import plistlib
import shlex
import subprocess
from typing import Final
from xml.sax.saxutils import escape

from runbook_lib.errors import UsageError
from runbook_lib.schedules.schedule import DAYS, NAME, TITLE, Printed, Schedule, comment

_TASK_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TASK_NAMESPACE: Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"


def cron(schedule: Schedule) -> tuple[Printed, ...]:
    """Return a line for `crontab -e`.

    cron ends a command at a percent sign, mails what it prints, and knows neither limits nor PATH.
    """
    _require_local(schedule, "cron")
    command = shlex.join(schedule.words(delays=True))
    limited = f"timeout --kill-after=60 {schedule.limit_h}h {command}"
    line = f"cd {shlex.quote(schedule.folder)} && {limited} >>schedule.log 2>&1"
    head = comment(
        f"{TITLE}. Add with: crontab -e",
        f"The machine's time zone counts: {schedule.zone}. What a run prints goes to schedule.log in the folder.",
    )
    return (Printed("crontab", f"{head}{schedule.cron()} {line.replace('%', chr(92) + '%')}\n"),)


def systemd(schedule: Schedule) -> tuple[Printed, ...]:
    """Return a service and a timer for the user's own systemd.

    RuntimeMaxSec has no effect on a oneshot service, so the limit is TimeoutStartSec. A timer is left out in the night
    in which its time does not exist.
    """
    command = " ".join(_systemd_word(word) for word in schedule.words(delays=False))
    service = f"""[Unit]
Description={TITLE}

[Service]
Type=oneshot
WorkingDirectory={_systemd_specifiers(schedule.folder)}
ExecStart={command}
TimeoutStartSec={schedule.limit_h}h
TimeoutStopSec=30
KillMode=mixed
Nice=10
"""
    days = "" if schedule.daily else f"{','.join(day.capitalize() for day in schedule.days)} "
    jitter = f"RandomizedDelaySec={schedule.jitter_min}min\n" if schedule.jitter_min else ""
    timer = f"""[Unit]
Description={TITLE}, on its schedule

[Timer]
OnCalendar={days}*-*-* {schedule.at:%H:%M}:00 {schedule.zone}
{jitter}AccuracySec=1min
Persistent=true

[Install]
WantedBy=timers.target
"""
    head = comment(
        f"~/.config/systemd/user/{NAME}.service",
        f"Then: systemctl --user daemon-reload && systemctl --user enable --now {NAME}.timer",
        "Without a login session it runs only after: loginctl enable-linger",
        f"Check: systemd-analyze verify --user --recursive-errors=no {NAME}.timer",
        "Without --recursive-errors=no that ends with 0 on a misspelt key.",
    )
    return (
        Printed(f"{NAME}.service", head + service),
        Printed(f"{NAME}.timer", comment(f"~/.config/systemd/user/{NAME}.timer") + timer),
    )


def launchd(schedule: Schedule) -> tuple[Printed, ...]:
    """Return a property list for `~/Library/LaunchAgents`.

    launchd knows no limit: ExitTimeOut is what it waits after asking a job to end. The stages have limits of their own.
    """
    _require_local(schedule, "launchd")
    moment = {"Hour": schedule.at.hour, "Minute": schedule.at.minute}
    days = [{**moment, "Weekday": (DAYS.index(day) + 1) % 7} for day in schedule.days]
    job = {
        "Label": f"org.{NAME}.run",
        "ProgramArguments": list(schedule.words(delays=True)),
        "WorkingDirectory": schedule.folder,
        "StartCalendarInterval": moment if schedule.daily else days,
        "StandardOutPath": f"{schedule.folder}/schedule.log",
        "StandardErrorPath": f"{schedule.folder}/schedule.log",
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "ExitTimeOut": 30,
    }
    return (Printed(f"org.{NAME}.run.plist", plistlib.dumps(job, sort_keys=False).decode("utf-8")),)


def windows(schedule: Schedule) -> tuple[Printed, ...]:
    """Return a task that a user without admin rights may register, and the line that does it.

    Without a UserId the principal is whoever registers it; InteractiveToken asks for no password and stores none.
    """
    _require_local(schedule, "Task Scheduler", and_utc=True)
    program, *arguments = schedule.words(delays=False)
    boundary = f"2026-01-01T{schedule.at:%H:%M}:00" + ("" if schedule.zone_is_local else "Z")
    days = "".join(f"<{_TASK_DAYS[DAYS.index(day)]} />" for day in schedule.days)
    week = f"<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek>{days}</DaysOfWeek></ScheduleByWeek>"
    when = "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>" if schedule.daily else week
    task = f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="{_TASK_NAMESPACE}">
  <RegistrationInfo>
    <Description>{TITLE}: proves that a document converts on this machine.</Description>
  </RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <Enabled>true</Enabled>
      <StartBoundary>{boundary}</StartBoundary>
      <RandomDelay>PT{schedule.jitter_min}M</RandomDelay>
      {when}
    </CalendarTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT{schedule.limit_h}H</ExecutionTimeLimit>
    <Priority>7</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(program)}</Command>
      <Arguments>{escape(subprocess.list2cmdline(arguments))}</Arguments>
      <WorkingDirectory>{escape(schedule.folder)}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""
    line = f'schtasks /Create /TN "{TITLE}" /XML {NAME}.xml\n'
    return (Printed(f"{NAME}.xml", task.replace("\n", "\r\n"), "utf-16"), Printed("register.cmd", line))


def _require_local(schedule: Schedule, format_name: str, *, and_utc: bool = False) -> None:
    if schedule.zone_is_local or (and_utc and schedule.zone == "UTC"):
        return
    raise UsageError(
        f"{format_name} cannot follow the time zone {schedule.zone}.",
        why="It knows the machine's own zone" + (" and UTC." if and_utc else " alone."),
        remedy="Give the time in that zone and leave --zone out.",
    )


def _systemd_word(word: str) -> str:
    """Quote a word for ExecStart: `$` and `%` stand for variables and specifiers there, a backslash for an escape."""
    escaped = _systemd_specifiers(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    plain = escaped and all(character.isalnum() or character in "/._-=:@+,%" for character in escaped)
    return escaped if plain else f'"{escaped}"'


def _systemd_specifiers(text: str) -> str:
    return text.replace("%", "%%")
