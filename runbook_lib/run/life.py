"""Whether a run is going on, has ended, was left, or died without a word: told by locks, owner and heartbeat."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from socket import gethostname
from typing import Any, Final

from runbook_lib.cache.locks import hold
from runbook_lib.core.lenient import as_moment, json_object
from runbook_lib.errors import DiskError, LockHeld
from runbook_lib.run.folder import HEADER_NAME, RunState
from runbook_lib.run.presence import is_open
from runbook_lib.run.run_lock import LOCK_NAME, owner_of

_SILENCE: Final = timedelta(minutes=5)
"""How old the heartbeat of a run on another machine may be; it beats every half minute."""
_AT_HAND: Final = timedelta(days=1)
"""How long a run that was opened in a notebook counts as being worked on where no lock tells, as on another machine."""


class Life(StrEnum):
    """Where a run stands, whatever its header was able to say."""

    LIVING = "living"
    """A command works in it, or a notebook has it open."""
    ENDED = "ended"
    """Its header says how."""
    LEFT = "left"
    """Begun in a notebook whose kernel has ended since."""
    DIED = "died"
    """Its process is gone and could not say so: killed, or the machine was restarted."""


@dataclass(frozen=True)
class Signs:
    """What can be seen of a run from outside."""

    state: str
    heartbeat_at: datetime | None
    is_held: bool
    """Whether a process holds the lock of its folder."""
    owner_host: str
    """The machine of the command that worked in it last and did not sign off; empty when each one did."""
    is_open: bool | None = None
    """Whether a notebook has it open; None where that cannot be told."""


def collect_signs(folder: Path) -> Signs:
    """Look at a run folder of this version or another; what cannot be read is taken as not there."""
    header = header_words(folder)
    return Signs(
        state=str(header.get("state", "")),
        heartbeat_at=as_moment(header.get("heartbeat_at")),
        is_held=_is_held(folder),
        owner_host=str(owner_of(folder).get("host", "")),
        is_open=is_open(folder),
    )


def judge_life(signs: Signs, *, now: datetime, host: str) -> Life:
    """Say where a run stands; on this machine the lock decides, and no clock."""
    if signs.is_held:
        return Life.LIVING
    if signs.state != RunState.RUNNING:
        return Life.ENDED
    if signs.is_open:
        return Life.LIVING  # also one whose command died: somebody looks after it by hand
    silent = now - signs.heartbeat_at if signs.heartbeat_at else None
    if not signs.owner_host:
        lately = silent is not None and abs(silent) < _AT_HAND
        return Life.LIVING if signs.is_open is None and lately else Life.LEFT
    if signs.owner_host != host and silent is not None and abs(silent) < _SILENCE:
        return Life.LIVING  # locks need not reach across machines
    return Life.DIED


def life_of(folder: Path) -> Life:
    """Say where the run in a folder stands now."""
    return judge_life(collect_signs(folder), now=datetime.now(UTC), host=gethostname())


def is_worked_in(folder: Path) -> bool:
    """Whether a command works in the run folder now; a run that somebody opened in a notebook is not held."""
    signs = replace(collect_signs(folder), is_open=False)
    return bool(signs.owner_host) and judge_life(signs, now=datetime.now(UTC), host=gethostname()) is Life.LIVING


def header_words(folder: Path) -> dict[str, Any]:
    """Read `run.json` of any version as it is; empty when it cannot be read."""
    return json_object(folder / HEADER_NAME)


def _is_held(folder: Path) -> bool:
    if not (folder / LOCK_NAME).exists():
        return False
    try:
        with hold(folder / LOCK_NAME, "a run", limit_s=0):
            return False
    except LockHeld:
        return True
    except DiskError:  # no locks here: the heartbeat has to tell
        return False
