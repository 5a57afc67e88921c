"""The connection to a cluster: who is there, what is sent, what is heard. The only user of Dask's client.

Every call is bounded, and a scheduler that goes away is an answer, not an exception: `lost` says so.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from runbook_lib.core.extras import require_extra
from runbook_lib.errors import SchedulerUnavailable
from runbook_lib.fleet.dask_workers import DaskWorker, Roster
from runbook_lib.fleet.messages import TOPIC
from runbook_lib.fleet.tls import Address, require_scheduler, security_of

_log = logging.getLogger(__name__)

ToldT = TypeVar("ToldT", bound=BaseModel)
CALL_LIMIT_S: Final = 10.0
_CLOSE_LIMIT_S: Final = 5.0
ENDED: Final = ("finished", "error", "lost", "cancelled")
"""Dask's words for a future that will not change any more (`distributed.client.FutureState`)."""


def require_dask(purpose: str) -> None:
    """Raise `UsageError` when the extra is not installed."""
    require_extra("fleet", "distributed", purpose=purpose)


@contextmanager
def quiet_dask() -> Iterator[None]:
    """Keep Dask's own log off the terminal: what matters of it is said by us."""
    import dask
    import distributed  # noqa: F401 - sets the levels of its loggers when it is imported

    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with dask.config.set(
        {
            "distributed.comm.timeouts.connect": f"{CALL_LIMIT_S:g}s",
            "distributed.comm.timeouts.tcp": "20s",
        }
    ):
        try:
            yield
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)


@dataclass(frozen=True)
class Task:
    """A call of a function of ours, which Dask sends by its name."""

    function: Callable[..., object]
    given: Mapping[str, Any]
    """Plain values, its first argument."""
    key: str
    """Under which Dask keeps it; a key that was used before would be the task of then."""
    resource: str = ""
    """Keeps other tasks with the same from a worker that offers it meanwhile."""
    needs: "Sent | None" = None
    """A task whose result is its second argument."""


class Cluster:
    """A connection that lasts as long as the scheduler does."""

    def __init__(self, address: Address) -> None:
        from distributed import Client

        self._events: SimpleQueue[object] = SimpleQueue()
        self._roster = Roster()
        self.lost = False
        try:
            self._client = Client(
                address.url,
                security=security_of(address, "client"),
                timeout=CALL_LIMIT_S,
                set_as_default=False,
                name="runbook-fleet",
            )
            self._client.subscribe_topic(TOPIC, self._take)
        except (OSError, ValueError) as error:
            raise SchedulerUnavailable(
                f"{address.url} refused the connection.",
                why=f"{type(error).__name__}: {error}",
                remedy="Check its log.",
            ) from error

    def _take(self, event: tuple[float, Any]) -> None:
        """Take an event in Dask's own thread."""
        self._events.put(event[1])

    def heard(self, kind: type[ToldT]) -> Iterator[ToldT]:
        """Yield what the hosts have told since; what is nothing of this kind is passed over."""
        with suppress(Empty):
            while True:
                with suppress(ValidationError):
                    yield kind.model_validate(self._events.get_nowait())

    def workers(self) -> tuple[DaskWorker, ...]:
        """Ask who is there; nobody, and `lost`, when the scheduler is away."""
        identity = self._identity()
        return self._roster.read(identity.get("workers", {}) if identity else {}, time.monotonic())

    def send(self, task: Task, worker: DaskWorker) -> "Sent":
        """Send a task to one worker."""
        future = self._client.submit(
            task.function,
            dict(task.given),
            *((task.needs.future,) if task.needs else ()),
            key=task.key,
            workers=[worker.address],
            allow_other_workers=False,
            resources={task.resource: 1} if task.resource in worker.resources else None,
            pure=False,
            retries=0,
        )
        return Sent(future)

    def _identity(self) -> Any:  # noqa: ANN401 - Dask is not typed
        if self.lost or self._client.status != "running":
            self.lost = True
            return None
        try:
            return self._client.sync(self._client.scheduler.identity, callback_timeout=CALL_LIMIT_S, n_workers=-1)
        except (OSError, TimeoutError, ValueError) as error:  # CommClosedError is an OSError
            _log.info("the scheduler does not answer: %s: %s", type(error).__name__, error)
            self.lost = True
            return None

    def close(self) -> None:
        """Let go; tasks that are still at work are not wanted any more."""
        with suppress(Exception):
            self._client.close(timeout=_CLOSE_LIMIT_S)


class Sent:
    """A task that was sent."""

    def __init__(self, future: Any) -> None:  # noqa: ANN401 - Dask is not typed
        self.future = future

    @property
    def is_over(self) -> bool:
        """Whether Dask will do no more about it."""
        return self.future.status in ENDED

    @property
    def is_done(self) -> bool:
        """Whether it came to its end."""
        return bool(self.future.status == "finished")

    @property
    def was_forgotten(self) -> bool:
        """Whether the scheduler no longer knows it, as after a restart of the scheduler."""
        return self.future.status in ("lost", "cancelled")

    @property
    def problem(self) -> str:
        """Why it did not come to its end, in Dask's words; empty when it did."""
        if self.future.status != "error":
            return ""
        error = self.future.exception(timeout=CALL_LIMIT_S)
        return f"{type(error).__name__}: {error}"[:1000]

    def drop(self) -> None:
        """Let go of it: what has not begun will not, what is at work ends when its worker notices."""
        with suppress(Exception):
            self.future.release()


@contextmanager
def connected(address: Address) -> Iterator[Cluster]:
    """Shake hands, then connect; raises `FleetError` that says what is wrong."""
    require_scheduler(address)
    cluster = Cluster(address)
    try:
        yield cluster
    finally:
        cluster.close()
