"""Runs one worker: reads the request file, prints events as JSON lines, ends with `result` or `error`.

Whatever libraries print to stdout goes to stderr, so that stdout holds nothing but events.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Iterator

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
    """Return all that helps to name the cause: the chain, the traceback as Python prints it, and the versions here."""
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {"chain": error_chain(error), "traceback": trace, "versions": dict(installed_versions())}


def installed_versions() -> Iterator[tuple[str, str]]:
    """Yield the packages the known failures depend on, from their metadata."""
    for name in NAMED_PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            yield name, metadata.version(name)


def main() -> int:
    """Run the verb named on the command line; exit code 0 after `result`, 1 after `error`."""
    verb, request_path = sys.argv[1:3]
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", newline="\n")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def emit(event: str, **values: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
        events.write(json.dumps({"event": event, **values}) + "\n")
        events.flush()

    request = json.loads(Path(request_path).read_text(encoding="utf-8"))
    try:
        emit("result", value=importlib.import_module(verb).run(request, emit))
    except BaseException as error:  # noqa: BLE001 - the parent judges; a worker only tells
        emit("error", **whole_story(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
