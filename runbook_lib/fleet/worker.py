"""The Dask worker of a host, started as it has to be: its resource, mutual TLS, no dashboard, no nanny, and patience.

A worker whose scheduler is gone ends (distributed 2026.8, `Worker.handle_scheduler`), and one whose certificate is
foreign tries for ever and logs no reason. This one shakes hands first and says why not, and comes back after it lost
its scheduler, or was taken for dead while its machine slept. No nanny: that is a second process with a port of its own,
and what it guards against, a task that takes its worker along, cannot happen where each run is a child process.
"""

import asyncio
import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from runbook_lib.errors import RunbookError, SchedulerUnavailable
from runbook_lib.fleet.inventory import resource_of
from runbook_lib.fleet.tls import Address, require_scheduler, security_of
from runbook_lib.system.loopback import is_loopback

_log = logging.getLogger(__name__)

_AGAIN_AFTER_S: Final = 2.0
_AGAIN_AT_MOST_S: Final = 30.0
_REGISTER_LIMIT_S: Final = 30
_THREADS: Final = 4
"""A run takes one thread, which waits for its child; pieces of models are read and written beside it."""
_UNSPILLED: Final = {
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.profile.enabled": False,
    "distributed.comm.timeouts.connect": "10s",
}
"""Nothing of ours is large in memory or stays there; a worker that pauses for docling's memory beside it is useless."""


@dataclass(frozen=True)
class Seating:
    """Where a worker stands."""

    address: Address
    host: str
    listen: str = ""
    """The address at which other workers reach it; empty: that which leads to the scheduler."""


def serve(seating: Seating, say: Callable[[str], None]) -> None:
    """Be the worker of a host until the process is asked to end; waits for a scheduler that is away.

    Raises `FleetError` when the scheduler refuses this host, or is none: then waiting does not help.
    """
    import dask

    pause_s, told = _AGAIN_AFTER_S, ""
    with dask.config.set(_UNSPILLED), tempfile.TemporaryDirectory(prefix="runbook-fleet-") as folder:
        while True:
            try:
                require_scheduler(seating.address)
                say(f"host {seating.host} is at {seating.address.url}")
                asyncio.run(_seated(seating, folder))
                pause_s, told = _AGAIN_AFTER_S, ""
                say("the scheduler went away, or took this host for gone; coming back")
            except SchedulerUnavailable as error:
                if error.what != told:
                    told = error.what
                    say(f"waiting: {' '.join(error.lines())}")
                pause_s = min(pause_s * 1.5, _AGAIN_AT_MOST_S)
            except RunbookError:
                raise
            except (OSError, ValueError, RuntimeError) as error:  # what a scheduler that ends does to a worker
                say(f"waiting: {type(error).__name__}: {error}")
            asyncio.run(asyncio.sleep(pause_s))


async def _seated(seating: Seating, folder: str) -> None:
    from distributed import Worker

    listen: dict[str, Any] = {}
    if seating.listen:
        listen["host"] = seating.listen
    elif is_loopback(seating.address.url):
        listen["host"] = "127.0.0.1"
    worker = Worker(
        seating.address.url,
        name=seating.host,
        nthreads=_THREADS,
        resources={resource_of(seating.host): 1},
        security=security_of(seating.address, "worker"),
        protocol="tls" if seating.address.files else "tcp",
        memory_limit=0,
        dashboard=False,
        local_directory=folder,
        death_timeout=_REGISTER_LIMIT_S,
        **listen,
    )
    async with worker:
        await worker.finished()
