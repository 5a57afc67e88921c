"""Runs that should have been there: told by the rhythm of those that were."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

_ENOUGH: Final = 3
"""Fewer intervals than this make no rhythm."""
_LATE: Final = 1.75
"""A run counts as missed when its interval is longer than the usual one by this factor."""
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Gap:
    """A stretch of time with fewer runs than usual."""

    after: datetime
    """When the run before it began."""
    length: timedelta
    missed: int
    """About how many runs would have been in it."""
    is_open: bool
    """Whether it lasts until now."""

    @property
    def words(self) -> str:
        """Say it: `none for 8 days, about 7 missed`."""
        return f"none for {span(self.length)}, about {self.missed} missed"


def gaps(began_at: Sequence[datetime], now: datetime) -> tuple[Gap, ...]:
    """Return where runs are missing, the oldest first; `began_at` in ascending order.

    The usual interval is the median, so that a night of repeated trials or a long holiday does not set it. Now is
    passed over where the clock says that the last run is still to come.
    """
    intervals = [later - earlier for earlier, later in pairwise(began_at)]
    if len(intervals) < _ENOUGH:
        return ()
    usual = timedelta(seconds=median(interval.total_seconds() for interval in intervals))
    ends = [*began_at[1:], now]
    found = []
    for after, end in zip(began_at, ends, strict=True):
        length = end - after
        if usual >= timedelta(minutes=1) and length > usual * _LATE:
            found.append(Gap(after, length, max(1, round(length / usual) - 1), is_open=end is now))
    return tuple(found)


def span(length: timedelta) -> str:
    """Write a stretch of time in its largest sensible unit: `8 days`, `26 hours`, `12 minutes`."""
    if length >= 2 * _DAY:
        return f"{length // _DAY} days"
    if length >= 2 * _HOUR:
        return f"{length // _HOUR} hours"
    minutes = length // timedelta(minutes=1)
    return f"{minutes} minute" if minutes == 1 else f"{minutes} minutes"
