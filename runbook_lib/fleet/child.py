"""The process of one run on a host: `python -m runbook_lib.fleet.child WORDS...` is `runbook WORDS...`, on a leash.

It is asked to end (SIGTERM, as any run: finished stages are kept) when its standard input closes: when the worker that
started it lets go, or is no more.
"""

import os
import runpy
import signal
import threading
import time
from typing import Final

from runbook_lib.workers.process_tree import end_tree

GRACE_S: Final = 30.0
"""What a run has to end by itself."""


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    end_tree(os.getpid())


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True, name="leash").start()
    runpy.run_module("runbook_lib", run_name="__main__")
