"""`runbook schedule`: the run as other programs schedule it."""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path

import click

from runbook_lib.cli.options import parameters_from
from runbook_lib.core import atomic
from runbook_lib.errors import ExitCode, UsageError
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.schedules.formats import FORMATS
from runbook_lib.schedules.schedule import DAYS, Printed, Schedule
from runbook_lib.schedules.zones import local_zone, require_zone
from runbook_lib.system.filesystem import refusals_told

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


@click.command()
@click.argument("kind", type=click.Choice(sorted(FORMATS)), metavar="KIND")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS OF RUN]")
@click.option("--at", default="04:20", show_default=True, metavar="HH:MM", help="When it begins.")
@click.option(
    "--days", default="daily", show_default=True, metavar="DAYS", help="daily, mon-fri, or a list such as mon,thu."
)
@click.option("--zone", default="", metavar="NAME", help="IANA time zone of --at; default: this machine's.")
@click.option(
    "--jitter",
    type=click.IntRange(0, 720),
    default=10,
    show_default=True,
    metavar="MINUTES",
    help="Delay the start by a random time of up to this long.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 23),
    default=4,
    show_default=True,
    metavar="HOURS",
    help="End a run after this long, where the format can.",
)
@click.option(
    "--keep",
    default="runs=30, days=14, failed-days=90",
    show_default=True,
    metavar="RULES",
    help="Which run folders stay: the setting keep.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Folder of runs/ and runbook.toml; default: this one.",
)
@click.option("--into", type=click.Path(path_type=Path), metavar="DIR", help="Write the files to DIR instead.")
def schedule(  # noqa: PLR0913, PLR0917 - one a click option
    kind: str,
    words: Sequence[str],
    at: str,
    days: str,
    zone: str,
    jitter: int,
    limit: int,
    keep: str,
    folder: Path,
    into: Path | None,
) -> int:
    """Print what makes a scheduler start a run: one command line, in the format KIND. Nothing is installed.

    KIND: airflow, cron, github, gitlab, jupyter, kubernetes, launchd, prefect, systemd or windows. Options after -- are
    those of runbook run. A run still in progress is not disturbed: the next one is skipped. docs/scheduling.md says
    what each format cannot do.
    """
    planned = Schedule(
        at=_time(at),
        days=_days(days),
        zone=require_zone(zone) if zone else local_zone(),
        zone_is_local=not zone or zone == local_zone(),
        python=sys.executable,
        folder=str(folder.absolute()),
        arguments=_arguments(words, keep),
        jitter_min=jitter,
        limit_h=limit,
        keep_days=_days_of(keep),
    )
    files = FORMATS[kind](planned)
    for day, what in planned.clock_changes(datetime.now(UTC).date()):
        click.echo(f"note: {at} {what} in {planned.zone} on {day}; another time is safer", err=True)
        break
    if into is None:
        _print(files)
    else:
        _write(files, into)
    return ExitCode.OK


def _arguments(words: Sequence[str], keep: str) -> tuple[str, ...]:
    """Return the options of the run, after making sure that it will take them."""
    from runbook_lib.cli.run import run

    arguments = (*(("-p", "keep", keep) if keep else ()), *words)
    context = run.make_context("run", list(arguments), parent=click.get_current_context().parent)
    resolve_settings(parameters_from(context.params["pairs"], practice=context.params["practice"]), explicit=True)
    return arguments


def _days_of(keep: str) -> int:
    rules = resolve_settings({"keep": keep} if keep else {}, explicit=True).values.keep_rules
    return min((rules and rules.days) or 14, 90)


def _time(text: str) -> time:
    clock = _CLOCK.fullmatch(text.strip())
    if not clock:
        raise UsageError(f"{text!r} is not a time of day.", remedy="Give hours and minutes, such as 04:20.")
    return time(int(clock[1]), int(clock[2]))


def _days(text: str) -> tuple[str, ...]:
    if text.strip() == "daily":
        return DAYS
    chosen: set[str] = set()
    for part in text.lower().split(","):
        first, _, last = (word.strip() for word in part.partition("-"))
        if first not in DAYS or (last or first) not in DAYS or DAYS.index(last or first) < DAYS.index(first):
            raise UsageError(
                f"{text!r} is not a set of days.", remedy="Give daily, mon-fri, or a list such as mon,thu."
            )
        chosen |= set(DAYS[DAYS.index(first) : DAYS.index(last or first) + 1])
    return tuple(day for day in DAYS if day in chosen)


def _print(files: Sequence[Printed]) -> None:
    for number, file in enumerate(files):
        if len(files) > 1:
            click.echo(f"{'' if number == 0 else chr(10)}#### {file.name}")
        click.echo(file.text.replace("\r\n", "\n"), nl=False)
    if any(file.encoding != "utf-8" for file in files):
        click.echo("note: Task Scheduler takes this as UTF-16, which --into DIR writes", err=True)


def _write(files: Sequence[Printed], into: Path) -> None:
    for file in files:
        with refusals_told(f"{into / file.name} cannot be written.", "Name a folder that this user may write to."):
            atomic.write_bytes(into / file.name, file.content())
        click.echo(str(into / file.name))
