"""Telling a failure that may pass from one that will not, where the exceptions still are what the client raised.

huggingface_hub asks the API once, and lets a connection that is reset escape as it is (1.33). Who started the worker
calls again; this says whether that can help. What will not change by itself (401, 403, 404, a name that is not
resolved, a disk that is full) is never worth another call.
"""

from __future__ import annotations

import errno
from typing import Any, Iterator

PASSING_STATUS = frozenset({429, 500, 502, 503, 504})
BROKEN_CONNECTION = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
BROKEN_TRANSFER = frozenset(
    {"ReadError", "WriteError", "RemoteProtocolError", "ChunkedEncodingError", "IncompleteRead", "SSLEOFError"}
)
FULL_OR_FORBIDDEN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM})
SHORT_BODY = "Consistency check failed"

CONNECTION, SERVER, CONTENT = "connection", "server", "content"
"""What may pass: a connection that broke, a server that is busy, a body of the wrong length."""


def passing_kind(error: BaseException) -> str:
    """Return what makes another call worth while, as the outermost exception that tells has it; empty: nothing does."""
    for cause in causes(error):
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status is not None:
            return SERVER if status in PASSING_STATUS else ""
        if getattr(cause, "errno", None) in FULL_OR_FORBIDDEN:
            return ""
        if isinstance(cause, BROKEN_CONNECTION) or type(cause).__name__ in BROKEN_TRANSFER:
            return CONNECTION
        if SHORT_BODY in str(cause):
            return CONTENT
    return ""


def asked_pause_s(error: BaseException) -> float:
    """Return the seconds the server asked to wait (`Retry-After`, RFC 9110); 0 when it named none."""
    for cause in causes(error):
        headers: Any = getattr(getattr(cause, "response", None), "headers", {})
        told = headers.get("Retry-After", "")
        if told.isdigit():
            return float(told)
    return 0.0


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and what it followed from, also what `from None` hides: httpcore hides a reset so (1.0)."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
