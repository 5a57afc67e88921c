"""Drives a campaign through a cluster, across whatever its scheduler does meanwhile."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from runbook_lib.errors import FleetError
from runbook_lib.fleet.campaign import Attempt, Campaign, Phase
from runbook_lib.fleet.cluster import Cluster, Sent, Task, connected
from runbook_lib.fleet.inventory import resource_of
from runbook_lib.fleet.messages import Event, Order
from runbook_lib.fleet.on_host import run_here
from runbook_lib.fleet.tls import Address

_log = logging.getLogger(__name__)

_TURN_S: Final = 0.2
_LOOK_EVERY_S: Final = 1.0
_AGAIN_AFTER_S: Final = 2.0


@dataclass
class Drive:
    """A campaign on its way; `words` says what is between us and the hosts, if anything is."""

    campaign: Campaign
    order_of: Callable[[Attempt], Order]
    changed: Callable[[], None] = lambda: None
    """Called after every turn, in which something may have happened."""
    stop: threading.Event = field(default_factory=threading.Event)
    words: str = ""

    def run(self, address: Address) -> None:
        """Go on until every host has ended or `stop` is set.

        Raises `FleetError` when the scheduler cannot be used from the beginning; later it is waited for.
        """
        known = False
        while not (self.campaign.over() or self.stop.is_set()):
            try:
                with connected(address) as cluster:
                    known, self.words = True, ""
                    self._serve(cluster)
            except FleetError as error:
                if not known:
                    raise
                _log.info("%s", error)
                self.words = error.what
            self._absent()

    def _absent(self) -> None:
        """Let time pass without a scheduler: what is late is late all the same."""
        until_s = time.monotonic() + _AGAIN_AFTER_S
        while time.monotonic() < until_s and not (self.campaign.over() or self.stop.is_set()):
            for _attempt in self.campaign.due(time.monotonic()):
                raise AssertionError("nothing is due where nobody is seen")
            self.changed()
            self.stop.wait(_TURN_S)

    def _serve(self, cluster: Cluster) -> None:
        """Look, hear and send until all is over or the scheduler is lost."""
        sent: dict[str, Sent] = {}
        look_at_s = 0.0
        try:
            while not (self.campaign.over() or self.stop.is_set() or cluster.lost):
                self._hear(cluster)
                self._note_stopped(cluster, sent)
                if not cluster.lost and time.monotonic() >= look_at_s:
                    look_at_s = time.monotonic() + _LOOK_EVERY_S
                    workers = cluster.workers()
                    if not cluster.lost:
                        self.campaign.saw(workers, time.monotonic())
                if not cluster.lost:
                    for attempt in self.campaign.due(time.monotonic()):
                        sent[attempt.host.name] = self._sent(cluster, attempt)
                self.changed()
                self.stop.wait(_TURN_S)
        finally:
            if cluster.lost:
                self.campaign.lost_scheduler(time.monotonic())
                self.words = "The scheduler went away."
            for task in sent.values():
                with suppress(RuntimeError):
                    task.drop()

    def _hear(self, cluster: Cluster) -> None:
        for event in cluster.heard(Event):
            self.campaign.heard(event, time.monotonic())

    def _note_stopped(self, cluster: Cluster, sent: dict[str, Sent]) -> None:
        """Note the tasks that are over; what their hosts told came before, on the same line."""
        over = [host for host, task in sent.items() if task.is_over]
        self._hear(cluster)
        for host in over:
            if sent[host].was_forgotten:
                cluster.lost = True
                return
            self.campaign.stopped(host, sent[host].problem, time.monotonic())
        for host in tuple(sent):
            if self.campaign.standings[host].phase is not Phase.RUNNING:
                sent.pop(host).drop()

    def _sent(self, cluster: Cluster, attempt: Attempt) -> Sent:
        order = self.order_of(attempt)
        task = Task(
            run_here,
            order.model_dump(mode="json"),
            key=f"runbook-{order.campaign}-{order.host}-{order.attempt}",
            resource=resource_of(attempt.host.name),
        )
        return cluster.send(task, attempt.worker)
