"""A wall-clock limit for calls that have none of their own."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from runbook_lib.errors import DeadlineExceeded

T = TypeVar("T")


def within(limit_s: float, step: str, call: Callable[[], T]) -> T:
    """Return what `call` returns, or raise what it raises, or `DeadlineExceeded` at the limit.

    The call runs in a daemon thread and is left behind at the limit: meant for look-ups that cannot be interrupted
    (`getaddrinfo`, a hung network drive), not for work that writes.
    """
    outcome: Future[T] = Future()

    def attempt() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            outcome.set_exception(error)

    threading.Thread(target=attempt, daemon=True, name=step).start()
    try:
        return outcome.result(limit_s)
    except TimeoutError:
        if outcome.done():  # the call's own
            raise
        raise DeadlineExceeded(step, limit_s) from None
