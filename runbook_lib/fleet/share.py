"""Models for all hosts of a site at the cost of one download: each piece comes from the Hub once, and goes round.

Who reads which piece is decided here. A piece that a host has is read there; one that nobody has comes from the Hub to
one of those that lack it, in turn, and from there to the others: each host sends what it fetched and receives the rest,
so that all links are used both ways, and none twice. Few pieces are on their way from the Hub at a time, so that the
first of them goes round while the next come: with all at once they would all arrive at the end.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from runbook_lib import __version__
from runbook_lib.errors import FleetError
from runbook_lib.fleet.cluster import Cluster, Sent, connected, quiet_dask
from runbook_lib.fleet.inventory import Host
from runbook_lib.fleet.models_on_host import PieceWork, Told, Work, look_here, place_here, read_piece, write_piece
from runbook_lib.fleet.pieces import Blob, bits_set, blobs_of
from runbook_lib.fleet.seats import Seat, seat_for
from runbook_lib.fleet.table import FleetTable, HostRow
from runbook_lib.fleet.tls import Address
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.lock_file import LockFile

_TURN_S: Final = 0.02
_LOOK_EVERY_S: Final = 1.0
AT_ONCE: Final = 3
"""How many pieces a host reads for others at a time: what bounds everybody's memory."""
FROM_HUB_AT_ONCE: Final = 8
"""How many pieces come from the Hub at a time, to all hosts together: enough to fill a line whose answers take long."""
Watcher = Callable[[FleetTable], None]


@dataclass
class Taker:
    """A host that is to have the models."""

    host: Host
    seat: Seat | None = None
    bits: dict[str, int] = field(default_factory=dict)
    """SHA-256 to the pieces it has; empty until it told."""
    looked: bool = False
    placing: bool = False
    hub_fails: str = ""
    """Why it cannot ask the Hub; it can still take from others."""
    status: str = "waiting"
    why: str = ""
    reason: str = ""
    reading: int = 0
    """Pieces it is reading now."""
    read: int = 0

    @property
    def takes_part(self) -> bool:
        """Whether it has told what it has, and has not ended."""
        return self.looked and not self.why

    def end(self, status: str, why: str, reason: str) -> None:
        """Settle it."""
        if not self.why:
            self.status, self.why, self.reason = status, why, reason


@dataclass
class _Job:
    """A piece on its way."""

    blob: Blob
    number: int
    owner: Taker
    from_hub: bool
    read: Sent
    writes: dict[str, Sent]


@dataclass(frozen=True)
class Shared:
    """What came of it."""

    table: FleetTable
    hub_bytes: int
    """What came from the Hub, to all hosts together."""
    model_bytes: int
    elapsed_s: float


def share_models(
    address: Address,
    hosts: Sequence[Host],
    lock: LockFile,
    *,
    wait_s: float,
    limit_s: float,
    watch: Watcher = lambda _table: None,
) -> Shared:
    """Bring every content of a lock file to every host, from the Hub once, and put it in place there.

    Takes Dask's way from worker to worker, so that workers have to reach each other. What has come stays, and is not
    asked for again by a rerun. Raises `FleetError` when the scheduler cannot be used, or goes away.
    """
    share = _Share(hosts, lock, f"{time.time_ns():x}", wait_s, limit_s, watch)
    with quiet_dask(), connected(address) as cluster:
        share.run(cluster)
    return share.shared()


class _Share:
    """One transfer."""

    def __init__(
        self, hosts: Sequence[Host], lock: LockFile, name: str, wait_s: float, limit_s: float, watch: Watcher
    ) -> None:
        self._takers = {host.name: Taker(host) for host in hosts}
        self._lock, self._name, self._watch = lock, name, watch
        self._blobs = blobs_of(lock)
        self._wait_s, self._limit_s = wait_s, limit_s
        self._began_s = time.monotonic()
        self._hub_bytes = 0
        self._made = 0
        self._jobs: list[_Job] = []
        self._places: dict[str, Sent] = {}
        self._looks: dict[str, Sent] = {}
        self._todo: list[tuple[Blob, int]] | None = None

    def run(self, cluster: Cluster) -> None:
        """Go on until every host has ended."""
        look_at_s = told_at_s = 0.0
        while any(not taker.why for taker in self._takers.values()):
            now_s = time.monotonic()
            if now_s >= look_at_s:
                look_at_s = now_s + _LOOK_EVERY_S
                self._see(cluster)
            self._hear(cluster)
            self._settle(now_s - self._began_s)
            if self._is_known:
                self._collect(cluster)
                self._send_pieces(cluster)
                self._place(cluster)
            if now_s >= told_at_s:
                told_at_s = now_s + 10 * _TURN_S
                self._watch(self.table())
            time.sleep(_TURN_S)
        for job in self._jobs:
            _drop(job)
        self._watch(self.table())

    def shared(self) -> Shared:
        """Return what came of it."""
        elapsed_s = time.monotonic() - self._began_s
        words = (
            f"{format_bytes(self._hub_bytes)} came from the Hub, for {format_bytes(self._model_bytes)} of models on"
            f" {len(self._takers)} hosts, in {format_seconds(elapsed_s)}."
        )
        table = FleetTable(hosts=self.table().hosts, words=words)
        return Shared(table, self._hub_bytes, self._model_bytes, elapsed_s)

    def table(self) -> FleetTable:
        """Return how the hosts stand."""
        return FleetTable(hosts=tuple(self._row(taker) for taker in self._takers.values()))

    @property
    def _model_bytes(self) -> int:
        return sum(blob.size_bytes for blob in self._blobs)

    @property
    def _is_known(self) -> bool:
        """Whether everybody has told what stands there, or has had the time for it: what one has, none needs fetch."""
        waited = time.monotonic() - self._began_s > self._wait_s
        return any(taker.takes_part for taker in self._takers.values()) and (
            waited or all(taker.looked or taker.why for taker in self._takers.values())
        )

    def _see(self, cluster: Cluster) -> None:
        seats = cluster.seats()
        if cluster.lost:
            raise FleetError(
                "The scheduler went away in the middle.",
                why="Pieces are counted here, and what was on its way is not known any more.",
                remedy="Run it again: what has come is kept on the hosts.",
            )
        addresses = {seat.address for seat in seats}
        for name, taker in self._takers.items():
            if taker.seat is not None and taker.seat.address not in addresses:
                taker.end("fail", "died", "Its worker left the cluster in the middle; a rerun goes on with what came.")
            elif taker.seat is None and not taker.why and (seat := seat_for(name, seats)) is not None:
                taker.seat, taker.status = seat, "running"
                self._looks[name] = self._sent(cluster, taker, look_here, self._work(taker), "look")

    def _work(self, taker: Taker) -> Work:
        return Work(
            share=self._name,
            host=taker.host.name,
            version=__version__,
            parameters=taker.host.parameters,
            lock=self._lock.text(),
        )

    def _hear(self, cluster: Cluster) -> None:
        for told in cluster.heard(Told):
            taker = self._takers.get(told.host)
            if told.share != self._name or taker is None:
                continue
            self._hub_bytes += told.hub_bytes
            if told.kind == "holds":
                taker.looked = True
                taker.bits = {blob.sha256: int(told.bits.get(blob.sha256, "0"), 16) for blob in self._blobs}
            elif told.kind == "placed":
                taker.end("ok", "run", "All models are in place.")
            elif told.kind == "problem" and told.why == "hub":
                taker.hub_fails = told.reason
            elif told.kind == "problem":
                taker.end("fail", told.why, told.reason)

    def _settle(self, elapsed_s: float) -> None:
        for taker in self._takers.values():
            if elapsed_s > self._limit_s:
                taker.end("fail", "late", f"It was not done after {self._limit_s:g} s; a rerun goes on.")
            elif (look := self._looks.get(taker.host.name)) and look.is_over and look.problem:
                taker.end("fail", "broken", f"The runbook could not be started there: {look.problem}")
            elif taker.seat is None and elapsed_s > self._wait_s:
                taker.end("fail", "missing", f"No worker of this host was there in {self._wait_s:.0f} s.")
            elif not taker.looked and elapsed_s > max(self._wait_s, self._limit_s / 2):
                taker.end("fail", "late", "It never told what it has.")
        if self._is_known and all(taker.hub_fails for taker in self._part_takers()):
            for taker in self._part_takers():
                if self._lacks(taker) and not self._has_source(taker):
                    taker.end("fail", "hub", taker.hub_fails)

    def _has_source(self, taker: Taker) -> bool:
        """Whether others have all that a host lacks, or are about to."""
        return all(
            any(other.bits[sha256] >> number & 1 for other in self._part_takers())
            for sha256, number in self._lacks(taker)
        )

    def _part_takers(self) -> list[Taker]:
        return [taker for taker in self._takers.values() if taker.takes_part]

    def _lacks(self, taker: Taker) -> list[tuple[str, int]]:
        return [
            (blob.sha256, number)
            for blob in self._blobs
            for number in bits_set(blob.all_pieces & ~taker.bits[blob.sha256])
        ]

    def _collect(self, cluster: Cluster) -> None:
        """Note the pieces that have arrived; those that did not are on the list again."""
        over = [job for job in self._jobs if job.read.is_over and all(self._awaited(job))]
        gone = [job for job in self._jobs if job not in over and job.owner.why]
        self._hear(cluster)  # what a host told of a piece came before its end
        for job in (*over, *gone):
            self._jobs.remove(job)
            job.owner.reading -= 1
            came = job in over and not (job.owner.why or self._failed(job))
            if came:
                self._mark(job.owner, job)
                for name in job.writes:
                    self._mark(self._takers[name], job)
            elif self._todo is not None:
                self._todo.append((job.blob, job.number))
            _drop(job)

    def _awaited(self, job: _Job) -> Iterator[bool]:
        """Yield for each host that is to get the piece whether it has it; those that have ended get nothing."""
        return (sent.is_over for name, sent in job.writes.items() if not self._takers[name].why)

    def _failed(self, job: _Job) -> bool:
        """Whether the owner asked the Hub for the piece and got none."""
        had_it = bool(job.owner.bits[job.blob.sha256] >> job.number & 1)
        return job.read.problem != "" or (not had_it and bool(job.owner.hub_fails))

    def _mark(self, taker: Taker, job: _Job) -> None:
        if taker.bits:
            taker.bits[job.blob.sha256] |= 1 << job.number

    def _send_pieces(self, cluster: Cluster) -> None:
        if self._todo is None:
            self._todo = [(blob, number) for blob in self._blobs for number in range(blob.pieces)]
            self._todo.reverse()
        held: list[tuple[Blob, int]] = []
        while self._todo and len(held) < len(self._takers) * AT_ONCE:
            blob, number = self._todo.pop()
            wanting = [taker for taker in self._part_takers() if not taker.bits[blob.sha256] >> number & 1]
            if not wanting:
                continue
            owner = self._owner(blob, number, wanting)
            if owner is None:
                held.append((blob, number))
                continue
            self._jobs.append(self._job(cluster, blob, number, owner, wanting))
        self._todo.extend(reversed(held))

    def _owner(self, blob: Blob, number: int, wanting: Sequence[Taker]) -> Taker | None:
        """Return who reads a piece: one that has it, else one that lacks it and can ask the Hub; None: not now."""
        having = [taker for taker in self._part_takers() if taker.bits[blob.sha256] >> number & 1]
        if not having and sum(job.from_hub and not job.read.is_over for job in self._jobs) >= FROM_HUB_AT_ONCE:
            return None
        able = having or [taker for taker in wanting if not taker.hub_fails]
        free = [taker for taker in able if taker.reading < AT_ONCE]
        return min(free, key=lambda taker: (taker.reading, taker.read), default=None)

    def _job(self, cluster: Cluster, blob: Blob, number: int, owner: Taker, wanting: Sequence[Taker]) -> _Job:
        from_hub = owner in wanting
        owner.reading += 1
        owner.read += 1
        self._made += 1  # a key that was used before would be the task that did not come to its end then
        word = f"{blob.sha256[:16]}-{number}-{self._made}"
        piece = self._piece(owner, blob, number, from_hub=from_hub)
        read = self._sent(cluster, owner, read_piece, piece, f"read-{word}")
        writes = {
            taker.host.name: self._sent(
                cluster, taker, write_piece, self._piece(taker, blob, number), f"write-{word}", read
            )
            for taker in wanting
            if taker is not owner
        }
        return _Job(blob, number, owner, from_hub, read, writes)

    def _piece(self, taker: Taker, blob: Blob, number: int, *, from_hub: bool = False) -> PieceWork:
        return PieceWork(share=self._name, host=taker.host.name, sha256=blob.sha256, number=number, from_hub=from_hub)

    def _place(self, cluster: Cluster) -> None:
        for taker in self._part_takers():
            if not taker.placing and all(taker.bits[blob.sha256] == blob.all_pieces for blob in self._blobs):
                taker.placing = True
                piece = PieceWork(share=self._name, host=taker.host.name, sha256="", number=0)
                self._places[taker.host.name] = self._sent(cluster, taker, place_here, piece, "place")

    def _sent(
        self,
        cluster: Cluster,
        taker: Taker,
        function: Callable[..., object],
        given: Work | PieceWork,
        word: str,
        needs: Sent | None = None,
    ) -> Sent:
        if taker.seat is None:
            raise AssertionError("nothing is sent to a host that was not seen")
        key = f"runbook-{self._name}-{taker.host.name}-{word}"
        return cluster.send(function, given.model_dump(mode="json"), taker.seat, key=key, needs=needs)

    def _row(self, taker: Taker) -> HostRow:
        total = self._model_bytes
        here = sum(blob.length(number) for blob in self._blobs for number in bits_set(taker.bits.get(blob.sha256, 0)))
        return HostRow(
            host=taker.host.name,
            status=taker.status,
            stage="placing" if taker.placing else f"{here * 100 // total} %" if total and taker.looked else "",
            took_s=round(time.monotonic() - self._began_s, 1) if taker.seat and not taker.why else 0.0,
            kept=False,
            why=taker.why,
            reason=taker.reason,
        )


def _drop(job: _Job) -> None:
    for sent in (job.read, *job.writes.values()):
        sent.drop()
