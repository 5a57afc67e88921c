"""The heartbeat of a run: `heartbeat_at` in its header moves on while it works, however long a stage takes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from runbook_lib.errors import RunbookError
from runbook_lib.run.folder import Run

BEAT_EVERY_S: Final = 30.0


@contextmanager
def beating(run: Run, every_s: float = BEAT_EVERY_S) -> Iterator[None]:
    """Renew the heartbeat while the block runs; a disk that is full or gone is told by what matters more."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(every_s):
            with suppress(RunbookError):
                run.update()

    thread = threading.Thread(target=beat, daemon=True, name="heartbeat")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
