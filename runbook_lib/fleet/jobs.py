"""A piece on its way: who reads it, whom it goes to, and whether it came."""

from dataclasses import dataclass

from runbook_lib.fleet.cluster import Sent
from runbook_lib.fleet.pieces import Blob
from runbook_lib.fleet.swarm import Peer


@dataclass(frozen=True)
class Job:
    """One piece, read by one host and written by all that lack it."""

    blob: Blob
    number: int
    owner: Peer
    from_hub: bool
    read: Sent
    writes: tuple[tuple[Peer, Sent], ...]

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it; hosts that have ended get nothing."""
        return self.read.is_over and all(sent.is_over for peer, sent in self.writes if not peer.why)

    @property
    def asks_hub(self) -> bool:
        """Whether the piece is still coming from the Hub."""
        return self.from_hub and not self.read.is_over

    def note(self) -> None:
        """Note who has the piece now: what was written is there also when the one that read it has left since."""
        if self._failed:
            return
        for peer, sent in self.writes:
            if sent.is_done:
                peer.note(self.blob.sha256, self.number)
            elif problem := sent.problem:
                peer.end("fail", "broken", f"The runbook could not write there: {problem}")

    def drop(self) -> None:
        """Let go of what it consists of."""
        for sent in (self.read, *(sent for _, sent in self.writes)):
            sent.drop()

    @property
    def _failed(self) -> bool:
        """Whether what was written may be nothing: one that got a piece from the Hub has told so."""
        return self.owner.is_broken or not self.owner.has(self.blob, self.number) or self.read.problem != ""
