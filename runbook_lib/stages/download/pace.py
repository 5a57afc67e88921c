"""How fast a download went: a hub that is slow is told from one that is silent, and what is still missing."""

import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.system.progress import Progress

_WINDOW_S: Final = 15.0
"""What came before says nothing about a hub that has fallen silent since."""
_SILENCE_S: Final = 5.0
_FEWEST_ARRIVALS: Final = 3
"""A single one may be the headers of an answer whose body never comes."""
_WORTH_WAITING_S: Final = 4 * 3600.0


class Pace:
    """Hands a worker's progress on, and remembers what arrived of late."""

    def __init__(self, progress: Progress | None = None, missing_bytes: int = 0) -> None:
        self._progress = progress
        self._missing_bytes = missing_bytes
        self._began_at = time.monotonic()
        self._first_on_disk: int | None = None
        self._arrivals: deque[tuple[float, int]] = deque([(self._began_at, 0)])
        """When something arrived, and how much had arrived by then."""

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the worker: bytes on disk, and bytes that arrived on its sockets."""
        on_disk, now = int(event["size_bytes"]), time.monotonic()
        self._first_on_disk = on_disk if self._first_on_disk is None else self._first_on_disk
        arrived_bytes = max(on_disk - self._first_on_disk, int(event["arrived_bytes"]))
        if arrived_bytes > self.arrived_bytes:
            self._arrivals.append((now, arrived_bytes))
        while len(self._arrivals) > 1 and self._arrivals[1][0] < now - _WINDOW_S:
            self._arrivals.popleft()
        if self._progress is not None:
            self._progress.update_to(on_disk)

    @property
    def arrived_bytes(self) -> int:
        """What arrived since the beginning, the Hub's answers about files included."""
        return self._arrivals[-1][1]

    @property
    def bytes_per_s(self) -> float:
        """How fast bytes arrive now; 0 when none do.

        Never more than the latter half counts: at first the Hub answers for every file, and those answers are no file.
        """
        now = time.monotonic()
        since = now - min(_WINDOW_S, (now - self._began_at) / 2)
        before = [size_bytes for moment, size_bytes in self._arrivals if moment < since]
        recent = [(moment, size_bytes) for moment, size_bytes in self._arrivals if moment >= since]
        if len(recent) < _FEWEST_ARRIVALS or now - recent[-1][0] > _SILENCE_S:
            return 0.0
        return (recent[-1][1] - max(before, default=0)) / (now - since)

    def story(self) -> str:
        """Say what arrived, at which rate and what is missing; empty when nothing arrives, which is silence."""
        arrived = self.arrived()
        missing = format_bytes(max(self._missing_bytes - self.arrived_bytes, 0))
        return f"The Hub answers, slowly: {arrived}; about {missing} are missing." if arrived else ""

    def arrived(self) -> str:
        """Say what arrived, and at which rate; empty when nothing arrives."""
        if not self.bytes_per_s:
            return ""
        elapsed, rate = format_seconds(time.monotonic() - self._began_at), format_bytes(round(self.bytes_per_s))
        return f"{format_bytes(self.arrived_bytes)} arrived in {elapsed}, {rate} a second"

    def advice(self) -> str:
        """Say what helps: more time, as long as that would do, or another hub; empty when nothing arrives."""
        if not self.bytes_per_s:
            return ""
        rest_s = self._missing_bytes / self.bytes_per_s
        if rest_s > _WORTH_WAITING_S:
            return (
                f"At this rate it takes {rest_s / 3600:,.0f} hours: use a mirror that is nearer (-p hub URL), or copy"
                " the models from a machine that has them. Files that arrived whole are kept."
            )
        return (
            f"Run again with a higher limit (-p download_limit_s {round(2 * rest_s) + 60}): files that arrived whole"
            " are kept. Or use a mirror that is nearer: -p hub URL."
        )
