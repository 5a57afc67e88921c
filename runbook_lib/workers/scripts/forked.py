"""Asks in a fork of this process, so that what is changed for an answer is gone with it."""

from __future__ import annotations

import json
import os
import traceback
from typing import Any, Callable


def in_fork(call: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    """Return what the call returns in a child process; raises `RuntimeError` when it raised or died there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        answer_and_end(call, request, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        told = stream.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a fork of this process ended with wait status {status}; its last words are on stderr")
    answer: dict[str, Any] = json.loads(told)
    return answer


def answer_and_end(call: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any], writing: int) -> None:
    """Write the answer and end without the exit handlers of the process this is a copy of."""
    code = 1
    try:
        with os.fdopen(writing, "w", encoding="utf-8") as stream:
            json.dump(call(request), stream)
        code = 0
    except BaseException:  # noqa: BLE001 - it must not go on as a second copy
        traceback.print_exc()
    finally:
        os._exit(code)
