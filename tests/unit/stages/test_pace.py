"""A hub that is slow is told from one that is silent, and from one that fell silent."""

import re
from dataclasses import dataclass

import pytest

from runbook_lib.stages.download import pace as module
from runbook_lib.stages.download.pace import Pace


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


class Unshown:
    """Progress that nobody looks at."""

    def update_to(self, done_bytes: int) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Show nothing."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def hear(pace: Pace, clock: Clock, seconds: int, bytes_per_s: int, *, on_disk: int = 0) -> None:
    """Let a worker tell once a second what arrived, after the answers about the files (10 KB)."""
    begun_at = max(pace.arrived_bytes, 10_000)
    for second in range(1, seconds + 1):
        clock.now += 1.0
        pace({"size_bytes": on_disk * second, "arrived_bytes": begun_at + bytes_per_s * second})


def test_a_byte_a_second_is_slow_and_the_answers_at_the_beginning_are_not_its_pace(clock: Clock) -> None:
    pace = Pace(Unshown(), missing_bytes=172_800)
    hear(pace, clock, 40, 1)
    assert pace.bytes_per_s == pytest.approx(1.0, rel=0.1)
    assert pace.story().startswith("The Hub answers, slowly: 10.0 KB arrived in 40.0 s, 1 byte a second; about 163 KB")
    assert "takes 45 hours" in pace.advice()
    assert "download_limit_s" not in pace.advice()


def test_what_more_time_would_bring_is_said_with_the_time(clock: Clock) -> None:
    pace = Pace(Unshown(), missing_bytes=600_000)
    hear(pace, clock, 60, 1000)
    named = re.search(r"-p download_limit_s (\d+)\)", pace.advice())
    assert named
    assert 1100 < int(named[1]) < 1400, "twice the ten minutes that it takes at this rate"


def test_what_is_seen_on_disk_counts_where_sockets_tell_nothing(clock: Clock) -> None:
    """hf_xet reads through sockets of its own."""
    pace = Pace(Unshown(), missing_bytes=10_000_000)
    hear(pace, clock, 20, 0, on_disk=50_000)
    assert pace.bytes_per_s == pytest.approx(50_000, rel=0.1)


@pytest.mark.parametrize("seconds", [0, 20])
def test_a_hub_that_never_sends_or_has_stopped_is_silent(clock: Clock, seconds: int) -> None:
    pace = Pace(Unshown(), missing_bytes=172_800)
    hear(pace, clock, seconds, 1000)
    hear(pace, clock, 30, 0)
    assert (pace.story(), pace.advice()) == ("", "")
