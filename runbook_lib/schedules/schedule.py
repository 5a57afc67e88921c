"""What is scheduled: one command line, when, for how long at most; the same in every format."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from runbook_lib.schedules.zones import zone_of

NAME: Final = "docling-runbook"
TITLE: Final = "Docling model runbook"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOOK_AHEAD_DAYS: Final = 730


@dataclass(frozen=True)
class Schedule:
    """A run that is to begin again and again."""

    at: time
    days: tuple[str, ...]
    """Some of `DAYS`, in their order."""
    zone: str
    """IANA name."""
    zone_is_local: bool
    """Whether that is the zone of this machine: some formats know no other."""
    python: str
    """The interpreter of this installation, for formats that run on this machine."""
    folder: str
    """Where runs/ and runbook.toml stand."""
    arguments: tuple[str, ...]
    """What follows `runbook run`."""
    jitter_min: int
    """Minutes by which the beginning is put off at random, so that machines do not ask the Hub all at once."""
    limit_h: int
    """Hours after which the scheduler ends a run."""
    keep_days: int
    """Days for which services that store results store them."""

    @property
    def daily(self) -> bool:
        """Whether it runs on every day."""
        return self.days == DAYS

    def words(self, *program: str, delays: bool) -> tuple[str, ...]:
        """Return the command line; `delays` where the format itself cannot put off a beginning at random."""
        delay = ("--delay-up-to", str(self.jitter_min)) if delays and self.jitter_min else ()
        return (
            *(program or (self.python, "-m", "runbook_lib")),
            "run",
            "--if-running",
            "skip",
            *delay,
            *self.arguments,
        )

    def cron(self, moment: time | None = None, days: tuple[str, ...] | None = None) -> str:
        """Return the five fields of a cron line."""
        at, chosen = moment or self.at, days or self.days
        which = "*" if chosen == DAYS else ",".join(str((DAYS.index(day) + 1) % 7) for day in chosen)
        return f"{at.minute} {at.hour} * * {which}"

    def in_utc(self, on: date) -> tuple[time, tuple[str, ...]]:
        """Return time and days in UTC, as they are on a date: in the other half of the year they may be others."""
        local = datetime.combine(on, self.at, zone_of(self.zone))
        shifted = local.astimezone(UTC)
        shift = (shifted.date() - local.date()).days
        days = tuple(day for day in DAYS if DAYS[(DAYS.index(day) - shift) % 7] in self.days)
        return shifted.time(), days

    def clock_changes(self, since: date) -> Iterator[tuple[date, str]]:
        """Yield the days of the next two years on which the time is skipped or comes twice."""
        zone = zone_of(self.zone)
        for number in range(_LOOK_AHEAD_DAYS):
            day = since + timedelta(days=number)
            first = datetime.combine(day, self.at, zone)
            second = first.replace(fold=1)
            if first.utcoffset() == second.utcoffset():
                continue
            there = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == first.replace(tzinfo=None)
            yield day, "comes twice" if there else "does not exist"


@dataclass(frozen=True)
class Printed:
    """A file of a format."""

    name: str
    text: str
    encoding: str = "utf-8"
    """Task Scheduler wants UTF-16; everything else takes UTF-8."""

    def content(self) -> bytes:
        """Return the bytes of the file."""
        return self.text.encode(self.encoding)


def comment(*lines: str, mark: str = "#") -> str:
    """Return lines as a comment."""
    return "".join(f"{mark} {line}".rstrip() + "\n" for line in lines)


def quoted_words(words: tuple[str, ...]) -> str:
    """Return words as a list that Python, YAML and JSON read alike."""
    return json.dumps(list(words), ensure_ascii=False)
