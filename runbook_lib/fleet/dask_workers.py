"""Which worker of a cluster stands for which host."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.fleet.inventory import resource_of


@dataclass(frozen=True)
class DaskWorker:
    """A worker that the scheduler knows."""

    address: str
    name: str
    host: str
    resources: frozenset[str]
    silent_s: float
    """Since its last heartbeat reached the scheduler."""


class Roster:
    """Which workers there are, and how long each has been silent by this machine's clock: the others' may be wrong."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, float]] = {}

    def read(self, workers: Mapping[str, Mapping[str, Any]], now_s: float) -> tuple[DaskWorker, ...]:
        """Read what a scheduler says of its workers (`Scheduler.identity`, distributed 2026.8)."""
        heard = {address: float(worker.get("last_seen") or 0.0) for address, worker in workers.items()}
        self._heard = {
            address: self._heard[address] if self._heard.get(address, (None,))[0] == last_seen else (last_seen, now_s)
            for address, last_seen in heard.items()
        }
        return tuple(
            DaskWorker(
                address=address,
                name=str(worker.get("name", "")),
                host=str(worker.get("host", "")),
                resources=frozenset(map(str, worker.get("resources") or ())),
                silent_s=now_s - self._heard[address][1],
            )
            for address, worker in workers.items()
        )


def worker_of(host: str, workers: Iterable[DaskWorker]) -> DaskWorker | None:
    """Return the worker of a host: by its resource, else by the worker's name, else by the machine's address.

    A host that was started twice, as after a reboot that its scheduler has not noticed, is the one heard last.
    """
    known = sorted(workers, key=lambda worker: (worker.silent_s, worker.address))
    ways: tuple[Callable[[DaskWorker], bool], ...] = (
        lambda worker: resource_of(host) in worker.resources,
        lambda worker: worker.name == host,
        lambda worker: worker.host == host,
    )
    return next((worker for is_meant in ways for worker in known if is_meant(worker)), None)
