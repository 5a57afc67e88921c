"""Talking with the Hub: one worker lists and fetches for a target, under its planned environment."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.cache.layout import Listing
from runbook_lib.cache.link_mode import LinkMode
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.masking import mask_url_credentials
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import DeadlineExceeded, HubError, HubUnavailable
from runbook_lib.run.environment_plan import EnvironmentPlan
from runbook_lib.run.interpreter import interpreter_of
from runbook_lib.run.target import Target
from runbook_lib.stages.download.pace import Pace
from runbook_lib.stages.download.patience import Patience
from runbook_lib.system.progress import Progress, print_to_stderr
from runbook_lib.workers.failure import WorkerFailed
from runbook_lib.workers.host import Answer, Worker

_CONNECTIONS = 8
_START_S = 15.0
"""What starting a worker may take on top of the network's own limit."""
_MORE_PATIENCE = 10
_LISTING_TIMEOUTS = 4
"""For how many of the network's own limits a broken connection is met with another try."""


@dataclass(frozen=True)
class HubAccess:
    """A target, the environment its downloads run under, and the worker that imports huggingface_hub for them."""

    target: Target
    environment: EnvironmentPlan
    worker: Worker

    @property
    def links(self) -> LinkMode:
        """How files share content."""
        return LinkMode(self.environment.links)

    def listing(self, model: ModelRef) -> Listing:
        """Ask what a model holds, again when a connection breaks; raises `HubError` naming the cause and what to do."""
        timeout_s = self.target.settings.probe_limit_s
        request = {"repo_id": model.repo_id, "revision": model.revision, "timeout_s": timeout_s}
        limit_s, fruitless_s = _START_S + 2 * timeout_s, _LISTING_TIMEOUTS * timeout_s
        patience = Patience(fruitless_s, time.monotonic() + limit_s + fruitless_s, print_to_stderr)
        try:
            answer, _tries = patience.attempts(lambda: self._listed(model, request, limit_s))
        except WorkerFailed as failure:
            from runbook_lib.checks.explain import explain_failure  # brings the whole catalogue

            explanation = explain_failure(failure)
            error = HubUnavailable if explanation.temporary else HubError
            raise error(
                f"The Hub does not tell what {model} holds.", why=explanation.evidence, remedy=explanation.remedy
            ) from failure
        return Listing(repo_id=model.repo_id, revision=model.revision, **answer.value)

    def _listed(self, model: ModelRef, request: Mapping[str, object], limit_s: float) -> Answer:
        """Ask once; at the limit a Hub whose answer still arrives is told from one that is silent."""
        pace, hub = Pace(), mask_url_credentials(self.target.endpoint)
        try:
            return self.worker.run("list_files", request, limit_s=limit_s, on_event=pace)
        except DeadlineExceeded as late:
            elsewhere = "Use a mirror with -p hub URL, or a cache that is filled with -p offline true"
            if arrived := pace.arrived():
                limit = round(_MORE_PATIENCE * self.target.settings.probe_limit_s)
                raise HubUnavailable(
                    f"The Hub at {hub} answers the question about {model} too slowly.",
                    why=f"{late.what} {arrived}.",
                    remedy=f"Give it more time: -p probe_limit_s {limit}. {elsewhere}.",
                ) from late
            raise HubUnavailable(
                f"The Hub at {hub} accepted the question about {model} but never answered.",
                why=late.what,
                remedy=f"{elsewhere}; {FixedBy.DETECT.words} shows which step of the way fails.",
            ) from late

    def fetch(
        self,
        model: ModelRef,
        missing_bytes: int,
        progress: Progress,
        deadline: float,
        cancel: threading.Event | None,
    ) -> Path:
        """Fetch what is missing of a model and return its snapshot folder; raises as `Worker.run` does.

        What ended at the deadline tells a slow Hub from a silent one, by `missing_bytes` how far it came.
        """
        request = {
            "repo_id": model.repo_id,
            "revision": model.revision,
            "connections": _CONNECTIONS,
            "symlinks": self.links is LinkMode.SYMLINK,
        }
        pace = Pace(progress, missing_bytes)
        limit_s = max(deadline - time.monotonic(), 1.0)
        try:
            answer = self.worker.run("fetch_snapshot", request, limit_s=limit_s, on_event=pace, cancel=cancel)
        except DeadlineExceeded as late:
            why = "\n".join(filter(None, (pace.story(), late.why)))
            raise DeadlineExceeded(f"The download of {model}", limit_s, why=why, remedy=pace.advice()) from late
        return Path(answer.value["folder"])


@contextmanager
def hub_access(target: Target, environment: EnvironmentPlan) -> Iterator[HubAccess]:
    """Provide access to the target's Hub; starts nothing before the first question, and leaves no process behind."""
    with interpreter_of(target, environment.values()).worker() as worker:
        yield HubAccess(target, environment, worker)
