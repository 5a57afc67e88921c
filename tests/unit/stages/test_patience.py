"""How long a bad line is put up with."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from runbook_lib.stages.download import patience as module
from runbook_lib.stages.download.patience import Patience
from runbook_lib.workers.failure import Cancelled, Cause, WorkerFailed


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()

    def wait(_self: Patience, pause_s: float) -> None:
        clock.pauses.append(pause_s)
        clock.now += pause_s

    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(Patience, "_wait", wait)
    return clock


def failure(passing: str = "connection", asked_pause_s: float = 0.0) -> WorkerFailed:
    causes = (Cause(type="ReadError", message="Connection reset by peer"),)
    return WorkerFailed("fetch_snapshot", causes, "", passing=passing, asked_pause_s=asked_pause_s)


def failing(times: int, **how: Any) -> Callable[[], str]:
    """Return an attempt that fails so often, and then succeeds."""
    left = [times]

    def attempt() -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise failure(**how)
        return "done"

    return attempt


def patience(clock: Clock, *, fruitless_s: float = 20.0, limit_s: float = 600.0, said: list[str]) -> Patience:
    return Patience(fruitless_s, clock.now + limit_s, said.append)


def test_a_broken_connection_is_tried_again_and_said(clock: Clock) -> None:
    said: list[str] = []
    assert patience(clock, said=said).attempts(failing(2)) == ("done", 3)
    assert said == [
        "ReadError: Connection reset by peer; try 2 in 0.5 s",
        "ReadError: Connection reset by peer; try 3 in 1 s",
    ]


@pytest.mark.parametrize("how", [{"passing": ""}, {"passing": "server", "asked_pause_s": 300.0}])
def test_what_cannot_help_is_not_tried_again(clock: Clock, how: dict[str, Any]) -> None:
    with pytest.raises(WorkerFailed):
        patience(clock, said=[]).attempts(failing(1, **how))
    assert clock.pauses == []


def test_a_server_s_own_pause_is_kept(clock: Clock) -> None:
    patience(clock, said=[]).attempts(failing(1, passing="server", asked_pause_s=7.0))
    assert clock.pauses == [7.0]


def test_a_line_that_brings_nothing_is_given_up_after_a_while(clock: Clock) -> None:
    began = clock.now
    with pytest.raises(WorkerFailed):
        patience(clock, fruitless_s=20.0, said=[]).attempts(failing(10_000))
    assert 15.0 < clock.now - began <= 20.0


def test_a_line_that_brings_something_each_time_is_never_given_up_before_the_limit(clock: Clock) -> None:
    arrived = iter(range(10_000))
    assert patience(clock, said=[]).attempts(failing(200), lambda: next(arrived)) == ("done", 201)


def test_no_pause_goes_past_the_limit_of_the_stage(clock: Clock) -> None:
    began = clock.now
    arrived = iter(range(10_000))
    with pytest.raises(WorkerFailed):
        patience(clock, limit_s=10.0, said=[]).attempts(failing(10_000), lambda: next(arrived))
    assert clock.now - began < 10.0


def test_a_try_that_takes_longer_than_all_patience_is_still_repeated_a_few_times(clock: Clock) -> None:
    tries = []

    def slow() -> str:
        tries.append(clock.now)
        clock.now += 100.0
        raise failure()

    with pytest.raises(WorkerFailed):
        patience(clock, fruitless_s=20.0, said=[]).attempts(slow)
    assert len(tries) == 4


def test_bodies_of_the_wrong_length_are_fetched_three_times_at_the_most(clock: Clock) -> None:
    with pytest.raises(WorkerFailed):
        patience(clock, fruitless_s=600.0, said=[]).attempts(failing(10_000, passing="content"))
    assert clock.pauses == [1.0, 3.0]


def test_waiting_ends_at_once_when_the_download_is_stopped() -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        Patience(20.0, time.monotonic() + 60, lambda _line: None, cancel).attempts(failing(1))
