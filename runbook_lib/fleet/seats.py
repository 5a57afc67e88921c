"""Which worker of a cluster stands for which host."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.fleet.inventory import resource_of


@dataclass(frozen=True)
class Seat:
    """A worker that the scheduler knows."""

    address: str
    name: str
    host: str
    resources: frozenset[str]
    silent_s: float
    """Since its last heartbeat reached the scheduler."""


class Roll:
    """Which workers there are, and how long each has been silent by this machine's clock: the others' may be wrong."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, float]] = {}

    def call(self, workers: Mapping[str, Mapping[str, Any]], now_s: float) -> tuple[Seat, ...]:
        """Read what a scheduler says of its workers (`Scheduler.identity`, distributed 2026.8)."""
        heard = {address: float(worker.get("last_seen") or 0.0) for address, worker in workers.items()}
        self._heard = {
            address: self._heard[address] if self._heard.get(address, (None,))[0] == last_seen else (last_seen, now_s)
            for address, last_seen in heard.items()
        }
        return tuple(
            Seat(
                address=address,
                name=str(worker.get("name", "")),
                host=str(worker.get("host", "")),
                resources=frozenset(map(str, worker.get("resources") or ())),
                silent_s=now_s - self._heard[address][1],
            )
            for address, worker in workers.items()
        )


def seat_for(host: str, seats: Iterable[Seat]) -> Seat | None:
    """Return the worker of a host: by its resource, else by the worker's name, else by the machine's address.

    A host that was started twice, as after a reboot that its scheduler has not noticed, is the one heard last.
    """
    known = sorted(seats, key=lambda seat: (seat.silent_s, seat.address))
    ways: tuple[Callable[[Seat], bool], ...] = (
        lambda seat: resource_of(host) in seat.resources,
        lambda seat: seat.name == host,
        lambda seat: seat.host == host,
    )
    return next((seat for is_meant in ways for seat in known if is_meant(seat)), None)
