"""Calling again when a connection broke in the middle, or a server asks to come back in a moment.

huggingface_hub asks the API once, and lets a connection that is reset escape as it is (1.33); the files themselves it
tries five times. What will not change by itself (401, 403, 404, a name that is not resolved) is never asked twice.
"""

from __future__ import annotations

import sys
import time
from typing import Any, Callable, Iterator, TypeVar

T = TypeVar("T")

PAUSES_S = (1.0, 3.0)
LONGEST_PAUSE_S = 10.0
PASSING_STATUS = frozenset({429, 500, 502, 503, 504})
BROKEN_CONNECTION = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
BROKEN_TRANSFER = frozenset(
    {"ReadError", "WriteError", "RemoteProtocolError", "ChunkedEncodingError", "IncompleteRead"}
)
SHORT_BODY = "Consistency check failed"


def retried(call: Callable[[], T]) -> T:
    """Return what `call` returns; a failure that may pass is met with a pause and another call, twice at most."""
    for pause_s in PAUSES_S:
        try:
            return call()
        except Exception as error:
            wait_s = max(pause_s, asked_pause_s(error))
            if not may_pass(error) or wait_s > LONGEST_PAUSE_S:
                raise
            sys.stderr.write(f"{type(error).__name__}: {error}\nTrying again in {wait_s:g} s\n")
            time.sleep(wait_s)
    return call()


def may_pass(error: BaseException) -> bool:
    """Whether the same call can be expected to succeed in a moment."""
    if getattr(getattr(error, "response", None), "status_code", None) in PASSING_STATUS or SHORT_BODY in str(error):
        return True
    return any(
        isinstance(cause, BROKEN_CONNECTION) or type(cause).__name__ in BROKEN_TRANSFER for cause in causes(error)
    )


def asked_pause_s(error: BaseException) -> float:
    """Return the seconds the server asked to wait (`Retry-After`, RFC 9110); 0 when it named none."""
    headers: Any = getattr(getattr(error, "response", None), "headers", {})
    told = headers.get("Retry-After", "")
    return float(told) if told.isdigit() else 0.0


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and what it followed from, also what `from None` hides: httpcore hides a reset so (1.0)."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
