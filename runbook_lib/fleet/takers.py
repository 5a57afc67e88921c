"""The hosts of a transfer: which pieces each has, who wants one, and who reads it for the others.

A host whose models are in place goes on giving until all have them: what it has need not come from the Hub again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from runbook_lib.fleet.inventory import Host
from runbook_lib.fleet.pieces import Blob, bits_set
from runbook_lib.fleet.seats import Seat
from runbook_lib.fleet.table import HostRow

AT_ONCE: Final = 3
"""How many pieces a host reads for others at a time: what bounds everybody's memory."""


@dataclass
class Taker:
    """A host that is to have the models."""

    host: Host
    seat: Seat | None = None
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

    def take(self, sha256: str, number: int) -> None:
        """Note that a piece stands there now."""
        if self.looked:
            self.bits[sha256] |= 1 << number

    def end(self, status: str, why: str, reason: str) -> None:
        """Settle it, unless it has ended."""
        if not self.why:
            self.status, self.why, self.reason = status, why, reason


class Takers:
    """All of them.

    Args:
        hosts: In the order of the table.
        blobs: What each is to have.
    """

    def __init__(self, hosts: Sequence[Host], blobs: Sequence[Blob]) -> None:
        self._all = {host.name: Taker(host) for host in hosts}
        self._blobs = blobs

    def __iter__(self) -> Iterator[Taker]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def get(self, name: str) -> Taker | None:
        """Return one by its host's name."""
        return self._all.get(name)

    @property
    def have_ended(self) -> bool:
        """Whether all have."""
        return all(taker.why for taker in self)

    @property
    def taking_part(self) -> list[Taker]:
        """Those that have told what they have, and have not ended."""
        return [taker for taker in self if taker.takes_part]

    def having(self, blob: Blob, number: int) -> list[Taker]:
        """Return those from which a piece can be had."""
        return [taker for taker in self if taker.can_give and taker.has(blob, number)]

    def wanting(self, blob: Blob, number: int) -> list[Taker]:
        """Return those that lack a piece."""
        return [taker for taker in self.taking_part if not taker.has(blob, number)]

    def reader(self, blob: Blob, number: int, *, may_ask_hub: bool) -> Taker | None:
        """Return who reads a piece: one that has it, else one that lacks it and can ask the Hub; None: not now."""
        having = self.having(blob, number)
        if not having and not may_ask_hub:
            return None
        able = having or [taker for taker in self.wanting(blob, number) if not taker.hub_fails]
        free = [taker for taker in able if taker.reading < AT_ONCE]
        return min(free, key=lambda taker: (taker.reading, taker.read), default=None)

    def is_whole(self, taker: Taker) -> bool:
        """Whether all pieces stand there."""
        return all(taker.bits.get(blob.sha256) == blob.all_pieces for blob in self._blobs)

    def end_without_source(self) -> None:
        """End those that lack what nobody has, when none of those that lack something can ask the Hub."""
        lacking = [taker for taker in self.taking_part if not self.is_whole(taker)]
        if any(not taker.hub_fails for taker in lacking):
            return
        for taker in lacking:
            if not all(self.having(blob, number) for blob, number in self._lacks(taker)):
                taker.end("fail", "hub", taker.hub_fails)

    def rows(self, took_s: float) -> Iterator[HostRow]:
        """Yield a row for each."""
        total = sum(blob.size_bytes for blob in self._blobs)
        for taker in self:
            here = sum(blob.length(one) for blob in self._blobs for one in bits_set(taker.bits.get(blob.sha256, 0)))
            yield HostRow(
                host=taker.host.name,
                status=taker.status,
                stage=_stage(taker, f"{here * 100 // total} %" if total else ""),
                took_s=round(took_s, 1) if taker.seat and not taker.why else 0.0,
                kept=False,
                why=taker.why,
                reason=taker.reason,
            )

    def _lacks(self, taker: Taker) -> Iterator[tuple[Blob, int]]:
        for blob in self._blobs:
            yield from ((blob, number) for number in bits_set(blob.all_pieces & ~taker.bits[blob.sha256]))


def _stage(taker: Taker, share_here: str) -> str:
    if taker.placing and not taker.why:
        return "placing"
    return share_here if taker.looked else ""
