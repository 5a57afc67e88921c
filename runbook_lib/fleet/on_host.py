"""What runs on a host: named by the client, imported there from the runbook that the host has.

A worker's interpreter holds nothing of a run: `runbook run` is a child process of it (`child`), so that what docling
or a kernel does to a process does not befall the worker. Nothing here raises: whatever happens is told as an event.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from runbook_lib import __version__
from runbook_lib.core.masking import mask_secrets, mask_url_credentials
from runbook_lib.errors import ExitCode, RunbookError
from runbook_lib.fleet.messages import TOPIC, Ended, Event, Order, packed
from runbook_lib.fleet.running import forget, is_known, running_in
from runbook_lib.run.folder import HEADER_NAME, STAGES, Run, RunState, stage_file_stem
from runbook_lib.run.opening import RUNS
from runbook_lib.system.filesystem import describe_os_error
from runbook_lib.system.packages import own_packages

_LOOK_EVERY_S: Final = 0.5
_LEAST_FREE_BYTES: Final = 16 * 1024**2
"""What the records of a run and its kernels' files take; models are another matter, which stage download plans."""
_NAMED: Final = ("docling-runbook", "docling", "huggingface-hub", "torch", "distributed", "papermill")
_LAST_WORDS: Final = 2000
Tell = Callable[[Event], None]
StillWanted = Callable[[], bool]


def run_here(given: dict[str, Any]) -> None:
    """Carry out an order, a task of Dask: the run, then its records in pieces, then how it ended."""
    from distributed import get_worker

    worker = get_worker()
    order = Order.model_validate(given)

    def tell(event: Event) -> None:
        worker.log_event(TOPIC, event.model_dump(mode="json", exclude_defaults=True))

    carry_out(order, tell, lambda: worker.status.name in ("running", "paused"))


def carry_out(order: Order, tell: Tell, still_wanted: StillWanted) -> None:
    """Do what the order says and tell of it, as long as that is wanted."""
    attempt = _Attempt(order, tell)
    attempt.tell("began")
    try:
        ended = attempt.run(still_wanted)
    except RunbookError as error:
        ended = attempt.kept_from("broken", str(error))
    except OSError as error:
        ended = attempt.kept_from("disk", describe_os_error(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours is a row with its reason, too
        ended = attempt.kept_from("broken", f"{type(error).__name__}: {error}")
    if ended is not None:
        attempt.tell("ended", {"ended": ended})


class _Attempt:
    """One attempt; knows the order and what to tell of it."""

    def __init__(self, order: Order, tell: Tell) -> None:
        self._order, self._tell = order, tell
        self._began_at = time.time()
        self._home = Path(order.home).expanduser() if order.home else Path.cwd()
        self._folder = (self._home / RUNS).absolute() / f"fleet-{order.campaign}-{order.host}"

    def tell(self, kind: str, more: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Tell of something; the event checks what it is."""
        told = {"campaign": self._order.campaign, "host": self._order.host, "attempt": self._order.attempt}
        self._tell(Event.model_validate({**told, "kind": kind, **more}))

    def kept_from(self, why: str, reason: str) -> Ended:
        """Return that there was no run, and why."""
        return self._ended("fail", why, reason)

    def run(self, still_wanted: StillWanted) -> Ended | None:
        """Run, unless it has run already, and send the records; None when nobody wants to know any more."""
        if refused := self._refused():
            return self.kept_from(*refused)
        run = Run(self._folder)
        document: dict[str, Any] = {}
        exit_code, last_words = int(ExitCode.OK), ""
        if is_known(self._folder) or not (run.exists and run.header().state is RunState.FINISHED):
            came = self._run(still_wanted)
            if came is None:
                return None
            document, exit_code, last_words = came
        if not run.exists:
            return self._never_began(document, exit_code, last_words)
        documents = dict(_records(run))
        pieces, sha256 = packed(documents)
        for number, piece in enumerate(pieces):
            self.tell("piece", {"number": number, "content": piece})
        statuses = {json.loads(text)["status"] for name, text in documents.items() if name != HEADER_NAME}
        worst = "fail" if exit_code or "fail" in statuses else "warn" if "warn" in statuses else "ok"
        reason = str(document.get("verdict") or "") or _error_of(document) or run.header().problem or last_words
        return self._ended(
            worst,
            "run" if exit_code != ExitCode.DISK else "disk",
            reason or "The run had ended well before.",
            {
                "exit_code": int(exit_code),
                "run_id": run.folder.name,
                "run_dir": str(run.folder),
                "pieces": len(pieces),
                "sha256": sha256,
            },
        )

    def _refused(self) -> tuple[str, str] | None:
        """Say why this host cannot run, as far as can be seen beforehand."""
        order = self._order
        if order.version != __version__:
            return "version", f"This host has runbook {__version__}, and {order.version} asks."
        if find_spec("papermill") is None:
            return "packages", 'The extra "notebooks" is not installed: pip install "docling-runbook[notebooks]".'
        if not order.parameters.get("target_python") and find_spec("docling") is None:
            return "docling", "docling is not installed here, and no target_python says where it is."
        self._home.mkdir(parents=True, exist_ok=True)
        free_bytes = shutil.disk_usage(self._home).free
        if free_bytes < _LEAST_FREE_BYTES:
            return "disk", f"{free_bytes} bytes are free in {self._home}, and the records of a run take more."
        return None

    def _never_began(self, document: Mapping[str, Any], exit_code: int, last_words: str) -> Ended:
        why = "disk" if exit_code == ExitCode.DISK else "settings" if exit_code == ExitCode.USAGE else "run"
        reason = _error_of(document) or last_words or f"It ended with exit code {exit_code} and said nothing."
        return self._ended("fail", why, reason, {"exit_code": int(exit_code)})

    def _run(self, still_wanted: StillWanted) -> tuple[dict[str, Any], int, str] | None:
        """Let the run take its course; returns its document, its exit code and the last it said.

        None when nobody wants to know any more: then it goes on, and the next attempt takes it up.
        """
        running = running_in(self._folder, tuple(self._words()), self._home, self._order.limit_s)
        while running.is_at_work:
            if not still_wanted():
                return None
            self._tell_stages(running.events(_LOOK_EVERY_S))
        self._tell_stages(running.rest())
        ended = running.ended()
        forget(self._folder)
        return ended

    def _words(self) -> Iterator[str]:
        yield from ("run", "--json", "--events", "--run-dir", str(self._folder))
        if self._order.only:
            yield from ("--only", self._order.only)
        elif (self._folder / HEADER_NAME).exists():
            yield "--resume"
        for name, value in self._order.parameters.items():
            yield from ("-p", name, str(value).lower() if isinstance(value, bool) else str(value))

    def _tell_stages(self, events: Sequence[Mapping[str, Any]]) -> None:
        for event in events:
            if event.get("event") == "stage_began":
                self.tell("stage", {"stage": event["stage"]})
            elif event.get("event") == "stage_ended":
                self.tell("stage", {"stage": event["stage"], "status": event["status"]})

    def _ended(self, status: str, why: str, reason: str, more: Mapping[str, Any] = MappingProxyType({})) -> Ended:
        words = mask_url_credentials(mask_secrets(reason))[:_LAST_WORDS]
        told = {"status": status, "why": why, "reason": words, "versions": dict(_versions())}
        return Ended.model_validate({**told, "began_at": self._began_at, "ended_at": time.time(), **more})


def _error_of(document: Mapping[str, Any]) -> str:
    """Return what the envelope of an error says, as `runbook --json` ends with one."""
    error = document.get("error")
    if not isinstance(error, dict):
        return ""
    return " ".join(str(error[part]) for part in ("what", "why", "remedy") if error.get(part))


def _records(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the header and the records of stages, by their file names."""
    for name in (HEADER_NAME, *(f"{stage_file_stem(stage)}.json" for stage in STAGES)):
        path = run.folder / name
        if path.exists():
            yield name, path.read_text(encoding="utf-8")


def _versions() -> Iterator[tuple[str, str]]:
    yield "python", ".".join(map(str, sys.version_info[:3]))
    packages = own_packages()
    for name in _NAMED:
        if found := packages.version_text(name):
            yield name, found
