"""Models for all hosts of a site at the cost of one download: each piece comes from the Hub once, and goes round.

A piece that a host has is read there; one that nobody has comes from the Hub to one of those that lack it, in turn, and
from there to the others: each host sends what it fetched and receives the rest, so that all links are used both ways,
and none twice. Few pieces are on their way from the Hub at a time, so that the first of them goes round while the next
come: with all at once they would all arrive at the end.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from runbook_lib import __version__
from runbook_lib.errors import FleetError
from runbook_lib.fleet.cluster import Cluster, Sent, Task, connected, quiet_dask
from runbook_lib.fleet.dask_workers import worker_of
from runbook_lib.fleet.inventory import Host
from runbook_lib.fleet.jobs import Job
from runbook_lib.fleet.models_on_host import (
    PieceWork,
    Told,
    Work,
    leave_here,
    look_here,
    place_here,
    read_piece,
    write_piece,
)
from runbook_lib.fleet.pieces import Blob, blobs_of
from runbook_lib.fleet.swarm import AT_ONCE, Peer, Swarm
from runbook_lib.fleet.table import FleetTable
from runbook_lib.fleet.tls import Address
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.lock_file import LockFile

_TURN_S: Final = 0.02
_LOOK_EVERY_S: Final = 1.0
_LEAVE_LIMIT_S: Final = 10.0
FROM_HUB_AT_ONCE: Final = 8
"""How many pieces come from the Hub at a time, to all hosts together: enough to fill a line whose answers take long."""
Watcher = Callable[[FleetTable], None]


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
        self._lock, self._name, self._watch = lock, name, watch
        self._blobs = blobs_of(lock)
        self._swarm = Swarm(hosts, self._blobs)
        self._wait_s, self._limit_s = wait_s, limit_s
        self._began_s = time.monotonic()
        self._hub_bytes = 0
        self._made = 0
        self._jobs: list[Job] = []
        self._asked: dict[str, Sent] = {}
        """What a host is asked beside pieces: to look, then to place."""
        self._todo: list[tuple[Blob, int]] = []

    def run(self, cluster: Cluster) -> None:
        """Go on until every host has ended, then have them forget it."""
        try:
            self._go_on(cluster)
        finally:  # also after Ctrl-C: no host keeps what nobody asks for
            for job in self._jobs:
                job.drop()
            if not cluster.lost:
                self._leave(cluster)

    def _go_on(self, cluster: Cluster) -> None:
        look_at_s = told_at_s = 0.0
        while not self._swarm.have_ended:
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
        self._watch(self.table())

    def shared(self) -> Shared:
        """Return what came of it."""
        elapsed_s = time.monotonic() - self._began_s
        words = (
            f"{format_bytes(self._hub_bytes)} came from the Hub, for {format_bytes(self._model_bytes)} of models on"
            f" {len(self._swarm)} hosts, in {format_seconds(elapsed_s)}."
        )
        table = FleetTable(hosts=self.table().hosts, words=words)
        return Shared(table, self._hub_bytes, self._model_bytes, elapsed_s)

    def table(self) -> FleetTable:
        """Return how the hosts stand."""
        return FleetTable(hosts=tuple(self._swarm.rows(time.monotonic() - self._began_s)))

    @property
    def _model_bytes(self) -> int:
        return sum(blob.size_bytes for blob in self._blobs)

    @property
    def _is_known(self) -> bool:
        """Whether everybody has told what stands there, or has had the time for it: what one has, none needs fetch."""
        waited = time.monotonic() - self._began_s > self._wait_s
        return bool(self._swarm.taking_part) and (waited or all(peer.looked or peer.why for peer in self._swarm))

    def _see(self, cluster: Cluster) -> None:
        workers = cluster.workers()
        if cluster.lost:
            raise FleetError(
                "The scheduler went away during the transfer.",
                why="Pieces are counted here, and it is no longer known which were on their way.",
                remedy="Run it again: what has arrived is kept on the hosts.",
            )
        self._hear(cluster)  # what those told that have left since
        addresses = {worker.address for worker in workers}
        for peer in self._swarm:
            name = peer.host.name
            if peer.worker is not None and peer.worker.address not in addresses:
                peer.is_gone = True
                peer.end(
                    "fail",
                    "died",
                    "Its worker left the cluster during the transfer; a rerun continues with what has arrived.",
                )
            elif peer.worker is None and not peer.why and (worker := worker_of(name, workers)) is not None:
                peer.worker, peer.status = worker, "running"
                self._asked[name] = self._sent(cluster, peer, look_here, self._work(peer), "look")

    def _work(self, peer: Peer) -> Work:
        return Work(
            share=self._name,
            host=peer.host.name,
            version=__version__,
            parameters=peer.host.parameters,
            lock=self._lock.text(),
        )

    def _hear(self, cluster: Cluster) -> None:
        for told in cluster.heard(Told):
            peer = self._swarm.get(told.host)
            if told.share != self._name or peer is None:
                continue
            self._hub_bytes += told.hub_bytes
            if told.kind == "holds":
                peer.looked = True
                peer.bits = {blob.sha256: int(told.bits.get(blob.sha256, "0"), 16) for blob in self._blobs}
                self._list_pieces()
            elif told.kind == "read":
                peer.note(told.sha256, told.number)
            elif told.kind == "placed":
                peer.end("ok", "run", "All models are in place.")
            elif told.kind == "problem" and told.why == "hub":
                peer.hub_fails = told.reason
            elif told.kind == "problem":
                peer.is_broken = True
                peer.end("fail", told.why, told.reason)

    def _list_pieces(self) -> None:
        """Put all that is not on its way on the list: a host that tells late may lack what the others have got."""
        on_their_way = {(job.blob.sha256, job.number) for job in self._jobs}
        pieces = ((blob, number) for blob in self._blobs for number in range(blob.pieces))
        self._todo = [(blob, number) for blob, number in pieces if (blob.sha256, number) not in on_their_way][::-1]

    def _settle(self, elapsed_s: float) -> None:
        for peer in self._swarm:
            if elapsed_s > self._limit_s:
                peer.end("fail", "late", f"It had not finished after {self._limit_s:g} s; a rerun continues.")
            elif (asked := self._asked.get(peer.host.name)) and asked.is_over and asked.problem:
                peer.end("fail", "broken", f"The runbook could not be started there: {asked.problem}")
            elif peer.worker is None and elapsed_s > self._wait_s:
                peer.end("fail", "missing", f"No worker of this host was there in {self._wait_s:.0f} s.")
            elif not peer.looked and elapsed_s > max(self._wait_s, self._limit_s / 2):
                peer.end("fail", "late", "It never reported what it has.")
        if self._is_known and not self._jobs:
            self._swarm.end_without_source()

    def _collect(self, cluster: Cluster) -> None:
        """Note the pieces that have arrived; those that somebody still lacks are on the list again."""
        ended = [job for job in self._jobs if job.is_over or not job.owner.can_give]
        self._hear(cluster)  # what a host told of a piece came before its end
        for job in ended:
            self._jobs.remove(job)
            job.owner.reading -= 1
            job.note()
            job.drop()
            if self._swarm.wanting(job.blob, job.number):
                self._todo.append((job.blob, job.number))

    def _send_pieces(self, cluster: Cluster) -> None:
        held: list[tuple[Blob, int]] = []
        while self._todo and len(held) < len(self._swarm) * AT_ONCE:
            blob, number = self._todo.pop()
            wanting = self._swarm.wanting(blob, number)
            if not wanting:
                continue
            may_ask_hub = sum(job.asks_hub for job in self._jobs) < FROM_HUB_AT_ONCE
            owner = self._swarm.reader(blob, number, may_ask_hub=may_ask_hub)
            if owner is None:
                held.append((blob, number))
                continue
            self._jobs.append(self._job(cluster, blob, number, owner, wanting))
        self._todo.extend(reversed(held))

    def _job(self, cluster: Cluster, blob: Blob, number: int, owner: Peer, wanting: Sequence[Peer]) -> Job:
        from_hub = owner in wanting
        owner.reading += 1
        owner.read += 1
        self._made += 1
        word = f"{blob.sha256[:16]}-{number}-{self._made}"
        piece = self._piece(owner, blob, number, from_hub=from_hub)
        read = self._sent(cluster, owner, read_piece, piece, f"read-{word}")
        writes = tuple(
            (peer, self._sent(cluster, peer, write_piece, self._piece(peer, blob, number), f"write-{word}", read))
            for peer in wanting
            if peer is not owner
        )
        return Job(blob, number, owner, from_hub, read, writes)

    def _piece(self, peer: Peer, blob: Blob, number: int, *, from_hub: bool = False) -> PieceWork:
        return PieceWork(share=self._name, host=peer.host.name, sha256=blob.sha256, number=number, from_hub=from_hub)

    def _place(self, cluster: Cluster) -> None:
        for peer in self._swarm.taking_part:
            if not peer.placing and self._swarm.is_whole(peer):
                peer.placing = True
                self._asked[peer.host.name] = self._sent(cluster, peer, place_here, self._all(peer), "place")

    def _leave(self, cluster: Cluster) -> None:
        """Have every host that was asked to look forget the transfer, also one that never told."""
        leaving = [
            self._sent(cluster, peer, leave_here, self._all(peer), "leave")
            for peer in self._swarm
            if peer.worker is not None and not peer.is_gone
        ]
        until_s = time.monotonic() + _LEAVE_LIMIT_S
        while not all(sent.is_over for sent in leaving) and time.monotonic() < until_s:
            time.sleep(_TURN_S)

    def _all(self, peer: Peer) -> PieceWork:
        return PieceWork(share=self._name, host=peer.host.name)

    def _sent(
        self,
        cluster: Cluster,
        peer: Peer,
        function: Callable[..., object],
        given: Work | PieceWork,
        word: str,
        needs: Sent | None = None,
    ) -> Sent:
        if peer.worker is None:
            raise AssertionError("nothing is sent to a host that was not seen")
        key = f"runbook-{self._name}-{peer.host.name}-{word}"
        return cluster.send(Task(function, given.model_dump(mode="json"), key=key, needs=needs), peer.worker)
