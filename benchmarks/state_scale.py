"""How `runbook state` grows with the models of a lock file: a process for each point.

`python -m benchmarks.state_scale 10 100 1000` lays out caches and artifacts folders of so many models of twelve small
files, as huggingface_hub and stage download leave them, and prints the rows of docs/scale.md.
"""

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runbook_lib.desired.look import machine_state
from runbook_lib.desired.state import State
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.lock_file import LOCK_NAME, LockedFile, LockedRepository, LockFile
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.target import ResolvedTarget, resolve_target

_ONE: Final = "--one"
_FILES: Final = 12
_CONTENT: Final = b"{}"
_KIB: Final = 1024


def places(base: Path) -> ResolvedTarget:
    """Return a machine that has its folders below one."""
    given = {"cache_dir": str(base / "hub"), "artifacts_dir": str(base / "artifacts"), "offline": True}
    return resolve_target(resolve_settings(given, explicit=True).values)


def lay_out(base: Path, models: int) -> None:
    """Write a lock file and what it asks for."""
    target = places(base)
    sha256 = hashlib.sha256(_CONTENT).hexdigest()
    git_sha1 = hashlib.sha1(b"blob 2\0" + _CONTENT, usedforsecurity=False).hexdigest()
    names = [f"part-{number:02d}.json" for number in range(_FILES)]
    files = tuple(LockedFile(path=name, size_bytes=2, sha256=sha256, git_sha1=git_sha1, lfs=False) for name in names)
    repositories = []
    for number in range(models):
        one = LockedRepository(repo_id=f"org/model-{number:05d}", revision="main", commit=f"{number:040x}", files=files)
        repo = target.cache_dir / f"models--org--model-{number:05d}"
        for folder in (repo / "snapshots" / one.commit, target.artifacts_dir / one.model.folder_name):
            folder.mkdir(parents=True)
            for name in names:
                (folder / name).write_bytes(_CONTENT)
        (repo / "refs").mkdir()
        (repo / "refs" / "main").write_text(one.commit, encoding="utf-8")
        repositories.append(one)
    lock = LockFile(created_at=datetime.now(UTC), docling="", repositories=tuple(repositories))
    (base / LOCK_NAME).write_text(lock.text(), encoding="utf-8")


def _one(base: Path) -> None:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    state = machine_state(places(base), base / LOCK_NAME).state
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    print(json.dumps({"state": state, "wall_s": wall_s, "cpu_s": cpu_s, "memory_bytes": memory}))


def main() -> None:
    """Print a row a point."""
    for models in [int(word) for word in sys.argv[1:]]:
        with tempfile.TemporaryDirectory(prefix="runbook-state-") as base:
            lay_out(Path(base), models)
            command = [sys.executable, "-m", "benchmarks.state_scale", _ONE, base]
            found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        if found["state"] != State.IN_STATE:
            raise SystemExit(f"{models} models are {found['state']}")
        took = f"{format_seconds(found['wall_s'])} | {format_seconds(found['cpu_s'])}"
        each = f"{1000 * found['cpu_s'] / models:.2f} ms"
        print(
            f"| {models:,} | {models * _FILES * 2:,} | {took} | {each} | {format_bytes(found['memory_bytes'])} |",
            flush=True,
        )


if __name__ == "__main__":
    if _ONE in sys.argv:
        _one(Path(sys.argv[-1]))
    else:
        main()
