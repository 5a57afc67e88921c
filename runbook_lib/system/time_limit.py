"""A wall-clock limit for calls that have none of their own."""

import threading
from collections.abc import Callable
from typing import TypeVar

from runbook_lib.errors import DeadlineExceeded

T = TypeVar("T")


def within(limit_s: float, step: str, call: Callable[[], T]) -> T:
    """Return what `call` returns, or raise what it raises, or `DeadlineExceeded` at the limit.

    The call runs in a daemon thread and is left behind at the limit: meant for look-ups that cannot be interrupted
    (`getaddrinfo`, a hung network drive), not for work that writes.
    """
    outcome: list[Callable[[], T]] = []

    def attempt() -> None:
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            caught = error

            def fail() -> T:
                raise caught

            outcome.append(fail)
        else:
            outcome.append(lambda: value)

    thread = threading.Thread(target=attempt, daemon=True, name=step)
    thread.start()
    thread.join(limit_s)
    if not outcome:
        raise DeadlineExceeded(step, limit_s)
    return outcome[0]()
