"""One writer at a time in a run folder: settings travel to the stages through `run.json`, and records back."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil

from runbook_lib.cache.locks import hold
from runbook_lib.core import atomic
from runbook_lib.errors import LockHeld, RunBusy

LOCK_NAME: Final = ".run.lock"
OWNER_NAME: Final = ".run.owner.json"
"""Who holds the lock; a file of its own, because Windows lets nobody read a locked one."""
_WHAT: Final = "Another command"


@contextmanager
def hold_run(folder: Path) -> Iterator[None]:
    """Hold the run folder while the block runs; raises `RunBusy` when another process does.

    The lock goes with the process, however it ends; a folder that cannot be written is refused where it is written to.
    """
    with ExitStack() as held:
        try:
            held.enter_context(hold(folder / LOCK_NAME, _WHAT, limit_s=0))
        except LockHeld as error:
            raise _busy(folder) from error
        _write_owner(folder)
        try:
            yield
        finally:
            with suppress(OSError):
                (folder / OWNER_NAME).unlink()


def require_free(folder: Path) -> None:
    """Raise `RunBusy` when a process that is neither this one nor one that started it holds the run folder."""
    if not (folder / LOCK_NAME).exists():
        return
    try:
        with hold(folder / LOCK_NAME, _WHAT, limit_s=0):
            return
    except LockHeld as held:
        if not _is_ours(owner_of(folder)):
            raise _busy(folder) from held


def _write_owner(folder: Path) -> None:
    owner = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": " ".join(Path(word).name if number == 0 else word for number, word in enumerate(sys.argv[:2])),
        "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
    }
    with suppress(OSError):  # it only makes the refusal of another one say more
        atomic.write_text(folder / OWNER_NAME, json.dumps(owner) + "\n")


def owner_of(folder: Path) -> dict[str, Any]:
    """Read who holds the run folder, or held it and did not sign off; empty when nobody does."""
    try:
        owner = json.loads((folder / OWNER_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _is_ours(owner: dict[str, Any]) -> bool:
    """Whether the stage that asks works for the holder: the kernels of a headless run do."""
    if owner.get("host") != socket.gethostname():
        return False
    with suppress(psutil.Error):
        return owner.get("pid") in (os.getpid(), *(parent.pid for parent in psutil.Process().parents()))
    return False


def _busy(folder: Path) -> RunBusy:
    owner = owner_of(folder)
    known = owner.keys() >= {"command", "pid", "host", "since"}
    who = "{command}, process {pid} on {host}, since {since}".format_map(owner) if known else "another process"
    return RunBusy(
        f"Something else is working in the run folder {folder}.",
        why=f"It is held by {who}.",
        remedy="Wait for it to end and run this again, or start a run of its own: leave --run-dir (run_dir) out.",
    )
