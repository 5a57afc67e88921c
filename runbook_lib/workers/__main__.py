"""Runs one worker: reads the request file, prints events as JSON lines, ends with `result` or `error`.

Whatever libraries print to stdout goes to stderr, so that stdout holds nothing but events.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

CAUSE_DEPTH = 12


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
        error = error.__cause__ or error.__context__
    return chain


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
        emit("error", chain=error_chain(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
