"""Which failures another call can help with."""

import errno
import sys
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from runbook_lib.workers.host import WORKERS

sys.path.insert(0, str(WORKERS))
from transient import asked_pause_s, passing_kind  # type: ignore[import-not-found]

sys.path.remove(str(WORKERS))


class Refused(Exception):
    """Bears an answer, as the client's errors do."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(str(status))
        self.response = SimpleNamespace(status_code=status, headers=headers)


def caused(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ReadError("[Errno 104] Connection reset by peer"), "connection"),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), "connection"),
        (caused(RuntimeError("check your connection"), ConnectionResetError(104, "reset")), "connection"),
        (Refused(503), "server"),
        (Refused(429), "server"),
        (OSError("Consistency check failed: file should be of size 2 but has size 1"), "content"),
        (Refused(401), ""),
        (Refused(403), ""),
        (Refused(404), ""),
        (caused(Refused(404), ConnectionResetError(104, "reset")), ""),
        (OSError(errno.ENOSPC, "No space left on device"), ""),
        (caused(OSError(errno.ENOSPC, "No space left on device"), httpx.ReadError("reset")), ""),
        (PermissionError(errno.EACCES, "Permission denied"), ""),
        (httpx.ConnectError("[Errno -2] Name or service not known"), ""),
        (ValueError("nonsense"), ""),
    ],
    ids=lambda value: f"{type(value).__name__} {value}" if isinstance(value, Exception) else None,
)
def test_only_what_may_pass_is_worth_another_call(error: Exception, kind: str) -> None:
    assert passing_kind(error) == kind


def test_the_pause_that_a_server_asks_for_is_found_behind_other_errors() -> None:
    assert asked_pause_s(caused(RuntimeError("outer"), Refused(429, **{"Retry-After": "7"}))) == 7.0
    assert asked_pause_s(Refused(503)) == 0.0
    assert asked_pause_s(ValueError("no answer at all")) == 0.0
    assert Path(WORKERS, "transient.py").is_file()
