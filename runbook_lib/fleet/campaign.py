"""A campaign: every host runs once, whatever becomes of workers, scheduler and clocks. Decides; touches nothing.

What a host gets is decided here, one attempt at a time, and not by Dask: with tasks that are few or pinned to a worker
its `worker-saturation` does nothing (measured with distributed 2026.8).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from runbook_lib.fleet.dask_workers import DaskWorker, worker_of
from runbook_lib.fleet.inventory import Host
from runbook_lib.fleet.messages import Ended, Event

ASLEEP_S: Final = 20.0
"""Without a heartbeat for this long a worker counts as asleep: they come every half second to few seconds."""
_GRACE_S: Final = 90.0
"""What an attempt may take on top of its own limit, to end and to tell."""


class Phase(StrEnum):
    """Where a host stands."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class Limits:
    """What bounds a campaign."""

    attempts: int = 2
    """How often a host that got lost in the middle is tried."""
    run_s: float = 3600.0
    """One run."""
    appear_s: float = 60.0
    """How long a host that is not there is waited for, while no other runs."""
    campaign_s: float = 7200.0
    """All of it; afterwards whatever has not ended has failed."""


@dataclass(frozen=True)
class Attempt:
    """What is to be sent."""

    host: Host
    number: int
    worker: DaskWorker


@dataclass
class Standing:
    """One host in the campaign."""

    host: Host
    phase: Phase = Phase.WAITING
    sent: int = 0
    """The number of the attempt that was sent last."""
    lost: int = 0
    """How many attempts ended without a word, the scheduler's own absences left out."""
    worker: DaskWorker | None = None
    began_s: float = 0.0
    """When the attempt was sent."""
    stage: str = ""
    stages: dict[str, str] = field(default_factory=dict)
    """Stage to the status it ended with."""
    pieces: dict[int, str] = field(default_factory=dict)
    said: str = ""
    """Why it stands where it stands."""
    asleep: bool = False
    ended: Ended | None = None
    kept: bool = False
    """Whether an earlier campaign brought the record."""

    def end(self, status: str, why: str, reason: str) -> None:
        """Settle it by our word: the host said nothing of the kind."""
        self.phase, self.asleep = Phase.ENDED, False
        self.ended = Ended.model_validate({"status": status, "why": why, "reason": reason})


class Campaign:
    """The state of every host; told what is seen and heard, and asked what is to be done.

    Args:
        hosts: The hosts that have to run.
        limits: What bounds it.
        id: Its name in events, which may be those of another campaign.
        now_s: The clock at the beginning; every method takes the same clock's time.
        whole: Takes a host's ended event and its pieces; returns what is wrong with the records, or nothing.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        limits: Limits,
        id: str,  # noqa: A002 - the name of the thing
        now_s: float,
        whole: Callable[[Standing, Ended], str] = lambda _standing, _ended: "",
    ) -> None:
        self.standings = {host.name: Standing(host) for host in hosts}
        self._limits, self._id, self._whole = limits, id, whole
        self._deadline_s = now_s + limits.campaign_s
        self._nothing_since_s = now_s
        self._sees = False

    def over(self) -> bool:
        """Whether every host has ended."""
        return all(standing.phase is Phase.ENDED for standing in self.standings.values())

    def saw(self, workers: Iterable[DaskWorker], now_s: float) -> None:
        """Take which workers there are now."""
        workers = tuple(workers)
        if not self._sees:
            self._sees, self._nothing_since_s = True, now_s
        for standing in self._in(Phase.WAITING):
            standing.worker = worker_of(standing.host.name, workers)
        for standing in self._in(Phase.RUNNING):
            worker = next((one for one in workers if standing.worker and one.address == standing.worker.address), None)
            if worker is None:
                self._lose(standing, "its worker left the cluster", now_s)
            else:
                standing.asleep = worker.silent_s > ASLEEP_S

    def lost_scheduler(self, now_s: float) -> None:
        """Take that the scheduler is gone; what ran has no one to tell, and is asked again. No attempt is charged."""
        for standing in self._in(Phase.RUNNING):
            standing.phase, standing.worker = Phase.WAITING, None
            standing.said = f"the scheduler went away {_while(standing)}"
        for standing in self._in(Phase.WAITING):
            standing.worker = None
        self._sees, self._nothing_since_s = False, now_s

    def heard(self, event: Event, now_s: float) -> None:
        """Take what a host tells; what comes from another campaign or an attempt that was given up is passed over."""
        standing = self.standings.get(event.host)
        if event.campaign != self._id or standing is None or standing.phase is not Phase.RUNNING:
            return
        if event.attempt != standing.sent:
            return
        standing.asleep = False
        if event.kind == "stage":
            standing.stage = "" if event.status else event.stage
            if event.status:
                standing.stages[event.stage] = event.status
        elif event.kind == "piece":
            standing.pieces[event.number] = event.content
        elif event.kind == "ended" and event.ended is not None:
            self._end(standing, event.ended, now_s)

    def stopped(self, host: str, problem: str, now_s: float) -> None:
        """Take that the task of a host is over; `problem` is what Dask says, empty when it came to its end.

        The last event of a host comes before this on the same line; without one, its word is lost.
        """
        standing = self.standings[host]
        if standing.phase is not Phase.RUNNING:
            return
        if problem:
            standing.end("fail", "broken", f"The runbook could not be started there: {problem}")
            self._nothing_since_s = now_s
        else:
            self._lose(standing, "its last word did not arrive", now_s)

    def due(self, now_s: float) -> Iterator[Attempt]:
        """Settle what is late, and yield the attempts to be sent now; each counts as sent."""
        self._settle(now_s)
        for standing in self._in(Phase.WAITING):
            if standing.worker is None or not _awake(standing.worker):
                continue
            standing.sent += 1
            standing.phase, standing.began_s = Phase.RUNNING, now_s
            standing.stage, standing.pieces = "", {}
            yield Attempt(standing.host, standing.sent, standing.worker)

    def _settle(self, now_s: float) -> None:
        over, limits = now_s >= self._deadline_s, self._limits
        for standing in self._in(Phase.RUNNING):
            words = f"asleep {_while(standing)}" if standing.asleep else f"still at work {_while(standing)}"
            if over:
                why = "asleep" if standing.asleep else "late"
                standing.end("fail", why, f"The campaign's {limits.campaign_s:g} s were over: {words}.")
            elif now_s - standing.began_s > limits.run_s + _GRACE_S:
                why = "asleep" if standing.asleep else "late"
                standing.end("fail", why, f"It was given {limits.run_s:g} s and did not end: {words}.")
                self._nothing_since_s = now_s
        if next(self._in(Phase.RUNNING), None) is not None:
            self._nothing_since_s = now_s
        for standing in self._in(Phase.WAITING):
            if over or (not _awake(standing.worker) and now_s - self._nothing_since_s > limits.appear_s):
                self._give_up(standing, now_s)

    def _give_up(self, standing: Standing, now_s: float) -> None:
        waited_s = now_s - self._nothing_since_s if now_s < self._deadline_s else self._limits.campaign_s
        if standing.worker is not None:
            standing.end(
                "fail", "asleep", f"Its worker is known, but has been silent for {standing.worker.silent_s:.0f} s."
            )
        elif standing.said:
            standing.end("fail", "died", f"It did not come back: {standing.said}.")
        else:
            standing.end("fail", "missing", f"No worker of this host was there in {waited_s:.0f} s.")

    def _lose(self, standing: Standing, how: str, now_s: float) -> None:
        standing.said = f"{how} {_while(standing)}"
        standing.lost += 1
        self._nothing_since_s = now_s
        standing.worker = None
        if standing.lost >= self._limits.attempts:
            times = "" if standing.lost == 1 else f", {standing.lost} times; the last time"
            standing.end("fail", "died", f"Lost{times}: {standing.said}.")
        else:
            standing.phase, standing.asleep = Phase.WAITING, False

    def _end(self, standing: Standing, ended: Ended, now_s: float) -> None:
        if wrong := self._whole(standing, ended):
            self._lose(standing, wrong, now_s)
            return
        standing.phase, standing.ended, standing.asleep = Phase.ENDED, ended, False
        self._nothing_since_s = now_s

    def _in(self, phase: Phase) -> Iterator[Standing]:
        return (standing for standing in tuple(self.standings.values()) if standing.phase is phase)


def _awake(worker: DaskWorker | None) -> bool:
    return worker is not None and worker.silent_s <= ASLEEP_S


def _while(standing: Standing) -> str:
    return f"in stage {standing.stage}" if standing.stage else "between stages" if standing.stages else "at its start"
