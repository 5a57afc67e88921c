"""The hosts of a transfer: which pieces each has, who wants one, and who reads it for the others.

A host whose models are in place goes on giving until all have them: what it has need not come from the Hub again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from runbook_lib.fleet.dask_workers import DaskWorker
from runbook_lib.fleet.inventory import Host
from runbook_lib.fleet.pieces import Blob, bits_set
from runbook_lib.fleet.table import HostRow

AT_ONCE: Final = 3
"""How many pieces a host reads for others at a time: what bounds everybody's memory."""


@dataclass
class Peer:
    """A host that is to have the models, and gives others what it has."""

    host: Host
    worker: DaskWorker | None = None
    bits: dict[str, int] = field(default_factory=dict)
    """SHA-256 to the pieces it has; empty until it told."""
    looked: bool = False
    placing: bool = False
    is_gone: bool = False
    """Whether its worker left the cluster."""
    is_broken: bool = False
    """Whether it told of a problem of its own: what it reads may be nothing."""
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

    @property
    def can_give(self) -> bool:
        """Whether others can have from it what it has; also when its own models are in place."""
        return self.looked and not self.is_gone and not self.is_broken

    def has(self, blob: Blob, number: int) -> bool:
        """Whether a piece stands there."""
        return bool(self.bits.get(blob.sha256, 0) >> number & 1)

    def note(self, sha256: str, number: int) -> None:
        """Note that a piece stands there now."""
        if self.looked:
            self.bits[sha256] |= 1 << number

    def end(self, status: str, why: str, reason: str) -> None:
        """Settle it, unless it has ended."""
        if not self.why:
            self.status, self.why, self.reason = status, why, reason


class Swarm:
    """All hosts of a transfer.

    Args:
        hosts: In the order of the table.
        blobs: What each is to have.
    """

    def __init__(self, hosts: Sequence[Host], blobs: Sequence[Blob]) -> None:
        self._all = {host.name: Peer(host) for host in hosts}
        self._blobs = blobs

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def get(self, name: str) -> Peer | None:
        """Return one by its host's name."""
        return self._all.get(name)

    @property
    def have_ended(self) -> bool:
        """Whether all have."""
        return all(peer.why for peer in self)

    @property
    def taking_part(self) -> list[Peer]:
        """Those that have told what they have, and have not ended."""
        return [peer for peer in self if peer.takes_part]

    def having(self, blob: Blob, number: int) -> list[Peer]:
        """Return those from which a piece can be had."""
        return [peer for peer in self if peer.can_give and peer.has(blob, number)]

    def wanting(self, blob: Blob, number: int) -> list[Peer]:
        """Return those that lack a piece."""
        return [peer for peer in self.taking_part if not peer.has(blob, number)]

    def reader(self, blob: Blob, number: int, *, may_ask_hub: bool) -> Peer | None:
        """Return who reads a piece: one that has it, else one that lacks it and can ask the Hub; None: not now."""
        having = self.having(blob, number)
        if not having and not may_ask_hub:
            return None
        able = having or [peer for peer in self.wanting(blob, number) if not peer.hub_fails]
        free = [peer for peer in able if peer.reading < AT_ONCE]
        return min(free, key=lambda peer: (peer.reading, peer.read), default=None)

    def is_whole(self, peer: Peer) -> bool:
        """Whether all pieces stand there."""
        return all(peer.bits.get(blob.sha256) == blob.all_pieces for blob in self._blobs)

    def end_without_source(self) -> None:
        """End those that lack what nobody has, when none of those that lack something can ask the Hub."""
        lacking = [peer for peer in self.taking_part if not self.is_whole(peer)]
        if any(not peer.hub_fails for peer in lacking):
            return
        for peer in lacking:
            if not all(self.having(blob, number) for blob, number in self._lacks(peer)):
                peer.end("fail", "hub", peer.hub_fails)

    def rows(self, took_s: float) -> Iterator[HostRow]:
        """Yield a row for each."""
        total = sum(blob.size_bytes for blob in self._blobs)
        for peer in self:
            here = sum(blob.length(one) for blob in self._blobs for one in bits_set(peer.bits.get(blob.sha256, 0)))
            yield HostRow(
                host=peer.host.name,
                status=peer.status,
                stage=_stage(peer, f"{here * 100 // total} %" if total else ""),
                took_s=round(took_s, 1) if peer.worker and not peer.why else 0.0,
                kept=False,
                why=peer.why,
                reason=peer.reason,
            )

    def _lacks(self, peer: Peer) -> Iterator[tuple[Blob, int]]:
        for blob in self._blobs:
            yield from ((blob, number) for number in bits_set(blob.all_pieces & ~peer.bits[blob.sha256]))


def _stage(peer: Peer, share_here: str) -> str:
    if peer.placing and not peer.why:
        return "placing"
    return share_here if peer.looked else ""
