"""A bundle on a stick, and out of it into a cache: `python -m ... NAME FOLDER`.

The cache stands on the stick too, but on vfat. A folder is made elsewhere and copied there, as people do: fusefat,
which stands in for kernels without vfat, loses what is in a folder that is renamed.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.read import open_bundle
from runbook_lib.bundle.sources import opened_source
from runbook_lib.bundle.take import import_bundle
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.target import resolve_target
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.stage import verify
from tests.filesystems.mounting import STICKS, NotMountable
from tests.filesystems.whole_run import NOT_MOUNTABLE
from tests.forked_workers import ForkServer, forked_workers

_FORMS = ("folder", "one.tar", "cut.tar")
_REPO_ID = "docling-project/docling-layout-heron"


def _run(hub: PracticeHub, base: Path, records: Path) -> OpenRun:
    return open_run(
        run_dir=str(records),
        hub=hub.url,
        models=_REPO_ID,
        cache_dir=str(base / "hub"),
        artifacts_dir=str(base / "artifacts"),
    )


def _carried(hub: PracticeHub, source: OpenRun, here: Path, stick: Path, name: str, *, vfat: bool) -> dict[str, Any]:
    """Carry the models on the stick, then into a cache; tell what was seen."""
    is_copied = vfat and name == "folder"
    made = export_bundle(
        source, (here if is_copied else stick) / name, split_bytes=400_000 if name == "cut.tar" else None
    )
    if is_copied:
        subprocess.run(["cp", "-R", here / name, stick], check=True)
    base = (here if vfat else stick) / f"machine-{name}"
    settings = {"hub": "practice", "cache_dir": str(base / "hub"), "artifacts_dir": str(base / "artifacts")}
    target = resolve_target(resolve_settings(settings, explicit=True).values)
    with opened_source(stick / name) as opened:
        taken = import_bundle(target, open_bundle(opened))
        again = import_bundle(target, open_bundle(opened))
    run = _run(hub, base, here / f"run-{name}")
    return {
        "parts": len(made.paths),
        "links": taken.links,
        "placed": taken.models[0].placed,
        "again": again.read_bytes,
        "verify": verify(run).status.value,
    }


def main() -> None:
    """Mount, carry in each form, tell what was seen."""
    folder = Path(sys.argv[2])
    try:
        place = STICKS[sys.argv[1]].mount(folder)
        place.lay()
    except NotMountable as reason:
        sys.stdout.write(str(reason))
        sys.exit(NOT_MOUNTABLE)
    here = folder.with_name("here")
    try:
        with PracticeHub() as hub, ForkServer() as server, forked_workers(server):
            source = _run(hub, here, here / "run")
            download(source).require()
            vfat = sys.argv[1] == "vfat"
            seen = {name: _carried(hub, source, here, place.root, name, vfat=vfat) for name in _FORMS}
    finally:
        place.unmount()
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
