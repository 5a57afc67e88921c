"""How `runbook state` grows with the models of a lock file: a process for each point.

`python -m benchmarks.state_scale 10 100 1000` lays out caches and artifacts folders of so many models of twelve small
files, as huggingface_hub and stage download leave them, and prints the rows of docs/scale.md.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from runbook_lib.desired.look import machine_state
from runbook_lib.desired.state import State
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.lock_file import LOCK_NAME
from tests.inputs.locked_models import FILES_PER_MODEL, places_below, write_locked_models

_ONE: Final = "--one"
_KIB: Final = 1024


def _one(base: Path) -> None:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    state = machine_state(places_below(base), base / LOCK_NAME).state
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    print(json.dumps({"state": state, "wall_s": wall_s, "cpu_s": cpu_s, "memory_bytes": memory}))


def main() -> None:
    """Print a row a point."""
    for models in [int(word) for word in sys.argv[1:]]:
        with tempfile.TemporaryDirectory(prefix="runbook-state-") as base:
            write_locked_models(Path(base), models)
            command = [sys.executable, "-m", "benchmarks.state_scale", _ONE, base]
            found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        if found["state"] != State.IN_STATE:
            raise SystemExit(f"{models} models are {found['state']}")
        took = f"{format_seconds(found['wall_s'])} | {format_seconds(found['cpu_s'])}"
        each = f"{1000 * found['cpu_s'] / models:.2f} ms"
        files, memory = models * FILES_PER_MODEL * 2, format_bytes(found["memory_bytes"])
        print(f"| {models:,} | {files:,} | {took} | {each} | {memory} |", flush=True)


if __name__ == "__main__":
    if _ONE in sys.argv:
        _one(Path(sys.argv[-1]))
    else:
        main()
