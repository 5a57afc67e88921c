"""A limit for calls that have none."""

import threading

import pytest

from runbook_lib.errors import DeadlineExceeded
from runbook_lib.system.time_limit import within


def test_a_call_that_ends_in_time_gives_its_value() -> None:
    assert within(30, "look", lambda: 42) == 42


@pytest.mark.parametrize("error", [OSError(5, "gone"), TimeoutError("the call's own"), KeyboardInterrupt()])
def test_what_the_call_raises_is_raised(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        within(30, "look", fail)
    assert caught.value is error


def test_a_call_that_hangs_is_left_behind_at_the_limit() -> None:
    release = threading.Event()
    with pytest.raises(DeadlineExceeded, match="look was stopped"):
        within(0.1, "look", lambda: release.wait(60))
    release.set()
