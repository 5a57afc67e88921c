"""Answers the requests on stdin, one JSON line each: events as JSON lines, the last of each a `result` or an `error`.

Whatever libraries print to stdout goes to stderr, so that stdout holds nothing but events; their stdin is empty. The
process ends when its parent does, killed or not: between requests stdin ends, during one a sign of life is not read.

Modules that are named on the command line prepare themselves before the first request is read.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import Any, Iterator, TextIO

ALIVE_S = 0.25
CAUSE_DEPTH = 12
NAMED_PACKAGES = ("docling", "huggingface_hub", "hf_xet", "filelock", "safetensors", "torch", "transformers")


def error_chain(error: BaseException | None) -> list[dict[str, Any]]:
    """Return the exception and its causes, outermost first: class, message, errno and winerror where there are any."""
    chain: list[dict[str, Any]] = []
    while error is not None and len(chain) < CAUSE_DEPTH:
        chain.append(
            {
                "type": type(error).__name__,
                "message": str(error),
                "errno": getattr(error, "errno", None),
                "winerror": getattr(error, "winerror", None),
            }
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


def whole_story(error: BaseException) -> dict[str, Any]:
    """Return all that helps to name the cause and to judge it: chain, traceback, versions, and whether it may pass."""
    from transient import asked_pause_s, passing_kind  # type: ignore[import-not-found]  # a module of this folder

    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    passing = {"passing": passing_kind(error), "asked_pause_s": asked_pause_s(error)}
    return {"chain": error_chain(error), "traceback": trace, "versions": dict(installed_versions()), **passing}


def installed_versions() -> Iterator[tuple[str, str]]:
    """Yield the packages the known failures depend on, from their metadata."""
    from importlib import metadata  # not at the top: every worker would wait for it, and few fail

    for name in NAMED_PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            yield name, metadata.version(name)


class Events:
    """The way to the parent: whole lines, from whatever thread."""

    def __init__(self) -> None:
        """Take stdout for the events alone."""
        self._stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", newline="\n")
        self._lock = threading.Lock()
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def emit(self, event: str, **values: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
        """Send one event."""
        line = json.dumps({"event": event, **values}) + "\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()

    def give_signs_of_life(self) -> None:
        """End the whole process when nobody listens any more: who started it was killed, and with it its locks."""
        while True:
            try:
                self.emit("alive")
            except OSError:
                os._exit(1)
            time.sleep(ALIVE_S)


def take_requests() -> TextIO:
    """Take stdin for the requests alone."""
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return requests


def main() -> None:
    """Answer requests until stdin ends."""
    requests, events = take_requests(), Events()
    threading.Thread(target=events.give_signs_of_life, daemon=True).start()
    for verb in sys.argv[1:]:
        with suppress(Exception):  # what is missing is told when it is asked for
            importlib.import_module(verb).prepare()
    for line in iter(requests.readline, ""):
        asked = json.loads(line)
        try:
            events.emit("result", value=importlib.import_module(asked["verb"]).run(asked["request"], events.emit))
        except BaseException as error:  # noqa: BLE001 - the parent judges; a worker only tells
            events.emit("error", **whole_story(error))


if __name__ == "__main__":
    main()
