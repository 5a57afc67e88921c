"""The whole run on one file system, mounted in this very process: `python -m tests.filesystems.whole_run NAME FOLDER`.

Prints what was seen as one JSON document; exit code 4 and the reason where the file system cannot be mounted. Starts in
namespaces of its own (`mounting.in_namespaces`). What a container's image would hold is made first, then the layers are
laid over it, then everything runs as it would in the container.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runbook_lib.practice.content import Content
from runbook_lib.practice.faults import Fault
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.run.record import StageRecord
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.stage import verify
from runbook_lib.system.filesystem import examine_folder
from runbook_lib.upkeep.dedupe.apply import apply_dedupe
from runbook_lib.upkeep.dedupe.plan import plan_dedupe
from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.plan import plan_repair
from tests.filesystems import links
from tests.filesystems.mounting import FILE_SYSTEMS, NotMountable, Place
from tests.forked_workers import ForkServer, forked_workers

NOT_MOUNTABLE = 4
FILE_BYTES = 1_000_000
_STAGE_PROCESS = Path(__file__).parents[1] / "faults" / "stage_process.py"
_SLOW_BYTES_PER_S = 200_000
_KILL_WITHIN_S = 120.0

Seen = dict[str, Any]


def _hub() -> PracticeHub:
    """Serve a model in two revisions that share three of four weights files."""

    def tree(revision: int) -> tuple[RepositoryFile, ...]:
        kept = (RepositoryFile(f"kept-{n}.bin", Content.of_padding(FILE_BYTES, f"{n}"), lfs=True) for n in range(3))
        changed = RepositoryFile("changed.bin", Content.of_padding(FILE_BYTES, f"revision {revision}"), lfs=True)
        return (RepositoryFile("config.json", Content.of_bytes(b'{"revision": %d}' % revision)), *kept, changed)

    return PracticeHub(repositories=[linear_history("acme/model", tree(1), tree(2))], head="first")


class WholeRun:
    """The steps, one after the other, each on folders that the steps before have left."""

    def __init__(self, place: Place, hub: PracticeHub, records: Path) -> None:
        self._place, self._hub, self._records = place, hub, records
        probed = examine_folder("cache", place.image)
        works = {"symlink": probed.symlink.works, "hardlink": probed.hardlink.works}
        self.modes = [mode for mode, does in works.items() if does] or ["copy"]
        self.seen: Seen = {"symlinks": probed.symlink.evidence, "hardlinks": probed.hardlink.evidence}

    def fill_image(self) -> None:
        """Put the first revision into the image, once for each kind of link, and both without links."""
        links.fill_image(self._place.image)
        for mode in self.modes:
            _require(download(self._run(self._place.image / mode, mode, f"image-{mode}")))
        self._hub.move_head("second")
        _require(download(self._run(self._place.image / "copies", "copy", "image-copies-2")))
        self._hub.move_head("first")
        _require(download(self._run(self._place.image / "copies", "copy", "image-copies-1")))

    def go(self) -> None:
        """Take every step."""
        self.seen["links"] = links.link_facts(self._place.root)
        self.seen["placing"] = self._place_from_the_image(self.modes[0])
        self._hub.move_head("second")
        self.seen["second revision"] = {mode: self._second_revision(mode) for mode in self.modes}
        self.seen["dedupe of the image"] = self._dedupe(self._place.root / "copies")
        own = self._place.root / "own"
        shutil.copytree(self._place.root / "copies", own, symlinks=True)
        self.seen["dedupe"] = self._dedupe(own)
        self.seen["repair"] = {mode: self._repair(mode) for mode in self.modes}
        self.seen["kill and rerun"] = self._kill_and_rerun(self.modes[-1])

    def find_limits(self) -> None:
        """Look for the number of names that a file may have."""
        self.seen["names a file may have"] = links.link_limit(self._place.root)

    def _run(self, home: Path, mode: str, name: str) -> OpenRun:
        return open_run(**self._settings(home, mode, name))

    def _settings(self, home: Path, mode: str, name: str) -> dict[str, Any]:
        return {
            "hub": self._hub.url,
            "models": "acme/model",
            "cache_dir": str(home / "cache" / "hub"),
            "artifacts_dir": str(home / "artifacts"),
            "run_dir": str(self._records / name),
            "links": mode,
            "download_limit_s": 240.0,
            "probe_limit_s": 30.0,
        }

    @contextmanager
    def _measured(self, into: Seen) -> Iterator[None]:
        """Note how many bytes the file system took, and how many of weights came over the network."""
        before = links.used_bytes(self._place.root)
        self._hub.reset_counters()
        yield
        into |= {"grew_bytes": links.used_bytes(self._place.root) - before, "fetched": self._hub.counters.weight_bytes}

    def _place_from_the_image(self, mode: str) -> Seen:
        """Make an artifacts folder from the cache of the image, as a container does that comes with a cache only."""
        settings = self._settings(self._place.root / mode, mode, "placing")
        run = open_run(**settings | {"artifacts_dir": str(self._place.root / "placed")})
        seen: Seen = {}
        with self._measured(seen):
            record = download(run)
        (model,) = record.facts.models
        planned_bytes = record.facts.plan.artifacts_need_bytes
        return seen | {
            "copied up": model.placing_copied_up_bytes,
            "planned": planned_bytes,
            "verify": _failed(verify(run)),
        }

    def _second_revision(self, mode: str) -> Seen:
        run = self._run(self._place.root / mode, mode, f"second-{mode}")
        seen: Seen = {}
        with self._measured(seen):
            record = download(run)
        (model,) = record.facts.models
        seen |= {"failed": _failed(record), "linked": model.linked_bytes, "copied up": model.copied_up_bytes}
        seen["verify"] = _failed(verify(run))
        again: Seen = {}
        with self._measured(again):
            _require(download(run))
        return {**seen, "again": again}

    def _dedupe(self, home: Path) -> Seen:
        folders = (home / "cache" / "hub", home / "artifacts")
        seen: Seen = {}
        with self._measured(seen):
            plan = plan_dedupe(*folders)
            result = apply_dedupe(plan)
        rest = plan_dedupe(*folders)
        return seen | {
            "planned": len(plan.replacements),
            "linked": result.linked_count,
            "promised": plan.frees_bytes,
            "freed": result.freed_bytes,
            "skipped": sorted({entry.reason for entry in result.skipped}),
            "kept back": sorted({entry.reason for entry in plan.kept_back}),
            "left": len(rest.replacements),
            "verify": _failed(verify(self._run(home, "copy", f"dedupe-{home.name}"))),
        }

    def _repair(self, mode: str) -> Seen:
        run = self._run(self._place.root / mode, mode, f"second-{mode}")
        snapshot = Path(download(run).facts.models[0].snapshot)
        _flip_a_byte((snapshot / "kept-1.bin").resolve())
        found = _failed(verify(run))
        seen: Seen = {"found": found}
        with self._measured(seen):
            result = apply_repair(run, plan_repair(run))
        return seen | {"status": str(result.status), "verify": _failed(verify(run))}

    def _kill_and_rerun(self, mode: str) -> Seen:
        settings = self._settings(self._place.root / "killed", mode, "killed")
        self._hub.play(Fault("slow", "/lfs/*", bytes_per_s=_SLOW_BYTES_PER_S))
        self._hub.reset_counters()
        process = subprocess.Popen(
            [sys.executable, str(_STAGE_PROCESS), json.dumps(settings), "download"], stdout=subprocess.DEVNULL
        )
        give_up_at = time.monotonic() + _KILL_WITHIN_S
        while not self._hub.counters.weight_bytes and time.monotonic() < give_up_at:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed_at = self._hub.counters.weight_bytes
        self._hub.play()
        run = open_run(**settings)
        record = download(run)
        partial = [path.name for path in run.cache_dir.rglob("*.incomplete")]
        return {
            "killed at": killed_at,
            "failed": _failed(record),
            "verify": _failed(verify(run)),
            "partial files": len(partial),
        }


def _require(record: StageRecord[Any]) -> None:
    assert not record.failed(), _failed(record)


def _failed(record: StageRecord[Any]) -> list[str]:
    return [f"{check.title}: {check.evidence}" for check in record.failed()]


def _flip_a_byte(path: Path) -> None:
    """Change one byte in place, as a bad disk does: neither length nor time tell."""
    facts = path.stat()
    mode = facts.st_mode
    path.chmod(mode | 0o200)
    with path.open("r+b") as file:
        file.seek(FILE_BYTES // 2)
        (byte,) = file.read(1)
        file.seek(FILE_BYTES // 2)
        file.write(bytes([byte ^ 0xFF]))
    path.chmod(mode)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def main() -> None:
    """Mount, run, tell."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    try:
        place = FILE_SYSTEMS[name].mount(folder)
    except NotMountable as reason:
        sys.stdout.write(str(reason))
        sys.exit(NOT_MOUNTABLE)
    try:
        with _hub() as hub, ForkServer() as server, forked_workers(server):
            run = WholeRun(place, hub, folder / "records")
            run.fill_image()
            try:
                place.lay()
            except NotMountable as reason:
                sys.stdout.write(str(reason))
                sys.exit(NOT_MOUNTABLE)
            run.go()
            if "--limits" in sys.argv:
                run.find_limits()
    finally:
        place.unmount()
    json.dump(run.seen, sys.stdout)


if __name__ == "__main__":
    main()
