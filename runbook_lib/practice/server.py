"""The practice hub: a loopback server that speaks the Hub's protocol to the unmodified client."""

import asyncio
import atexit
import socket
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from types import TracebackType
from typing import Any, Self

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from runbook_lib.errors import PracticeError
from runbook_lib.practice.catalogue import practice_repositories
from runbook_lib.practice.counters import HubCounters, Tally
from runbook_lib.practice.faults import Fault, FaultScript
from runbook_lib.practice.handlers import ROUTES
from runbook_lib.practice.hub_handler import HubState
from runbook_lib.practice.repository import Head, Repository
from runbook_lib.system.loopback import reach_loopback_directly

HOST = "127.0.0.1"
_STOP_LIMIT_S = 10.0


class PracticeHub:
    """A Hugging Face Hub of one's own, on the loopback interface, in a thread of this process.

    A context manager; `start` and `stop` may also be called by hand. Serves models only, by plain HTTP, without Xet.

    Args:
        port: The TCP port; 0 takes any free one.
        pad_bytes: Size of the padding in the layout model's weights; see `practice_repositories`.
        head: The commit that `main` and docling's tag point to; `second` differs from `first` in the README alone.
        faults: What to do wrong; the first one that fits a request is played.
        repositories: What to serve in place of the practice repositories.
        bytes_per_s: Pace of each file body; None: as fast as it goes.

    Raises:
        SettingsError: `head` is unknown.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        pad_bytes: int = 0,
        head: Head = "second",
        faults: Sequence[Fault] = (),
        repositories: Sequence[Repository] | None = None,
        bytes_per_s: int | None = None,
    ) -> None:
        served = practice_repositories(pad_bytes) if repositories is None else repositories
        self._port = port
        self._tally = Tally()
        self._script = FaultScript(faults)
        self._state = HubState(_at_head(served, head), self._tally, self._script, bytes_per_s)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """The address to use as `HF_ENDPOINT`.

        Raises:
            PracticeError: The hub is not running.
        """
        if not self._url:
            raise PracticeError("The practice hub is not running.", remedy="Call start() or use it in a with block.")
        return self._url

    @property
    def counters(self) -> HubCounters:
        """What has been sent since the start or the last `reset_counters`."""
        return self._tally.snapshot()

    def reset_counters(self) -> None:
        """Count from zero again."""
        self._tally.reset()

    def play(self, *faults: Fault) -> None:
        """Replace the faults in play, from the next request on; without arguments, behave."""
        self._script.play(faults)

    def move_head(self, head: Head) -> None:
        """Let `main` and docling's tag point to another commit, as when a new revision is published."""
        self._state.repositories = _at_head(tuple(self._state.repositories.values()), head)

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """What is served, at its present head."""
        return tuple(self._state.repositories.values())

    def start(self) -> Self:
        """Serve until `stop`; does nothing when the hub is running. From here on no proxy stands before this machine.

        Raises:
            PracticeError: The port cannot be had.
        """
        if self._thread is not None:
            return self
        try:
            listener = socket.create_server((HOST, self._port))
        except OSError as error:
            what = f"The practice hub cannot listen on port {self._port} of {HOST}."
            raise PracticeError(what, why=str(error), remedy="Use port 0, which takes any free one.") from error
        reach_loopback_directly()
        listener.setblocking(False)
        port = listener.getsockname()[1]
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listener, ready), name="practice-hub", daemon=True)
        self._thread.start()
        ready.wait()
        self._url = f"http://{HOST}:{port}"
        return self

    def stop(self) -> None:
        """Close every connection and end the thread; does nothing when the hub is not running."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_STOP_LIMIT_S)
        self._thread, self._url = None, ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, listener: socket.socket, ready: threading.Event) -> None:
        # The selector loop also on Windows: tornado needs add_reader, which the proactor loop lacks (quirk Q44).
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._serve(listener, ready))

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = HTTPServer(Application(ROUTES, hub=self._state, log_function=_log_nothing))
        server.add_socket(listener)
        ready.set()
        await self._stopping.wait()
        server.stop()
        await server.close_all_connections()


def _at_head(repositories: Sequence[Repository], head: Head) -> Mapping[str, Repository]:
    return {repository.repo_id: repository.at_head(head) for repository in repositories}


def _log_nothing(_handler: RequestHandler) -> None:
    """Log no request: the counters know, and a fault played on request is no news."""


@cache
def _started(knobs: tuple[tuple[str, Any], ...]) -> PracticeHub:
    hub = PracticeHub(**dict(knobs)).start()
    atexit.register(hub.stop)
    return hub


def running_hub(**knobs: Any) -> PracticeHub:  # noqa: ANN401 - the arguments of PracticeHub
    """Return this process's hub for these arguments of `PracticeHub`; sequences must be tuples.

    Started at the first call with the arguments, stopped when the process ends.
    """
    return _started(tuple(sorted(knobs.items())))
