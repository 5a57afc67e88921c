"""A bundle on a stick, and out of it into a cache that stands there too: `python -m ... NAME FOLDER`."""

import json
import sys
from pathlib import Path
from typing import Any

from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.read import open_bundle
from runbook_lib.bundle.sources import opened_source
from runbook_lib.bundle.take import import_bundle
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.run.settings import resolve_settings
from runbook_lib.run.target import resolve_target
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.stage import verify
from tests.filesystems.mounting import FILE_SYSTEMS, NotMountable
from tests.filesystems.whole_run import NOT_MOUNTABLE

_REPO_ID = "docling-project/docling-layout-heron"


def _run(hub: PracticeHub, base: Path, records: Path) -> OpenRun:
    return open_run(
        run_dir=str(records),
        hub=hub.url,
        models=_REPO_ID,
        cache_dir=str(base / "hub"),
        artifacts_dir=str(base / "artifacts"),
    )


def _carried(hub: PracticeHub, source: OpenRun, here: Path, stick: Path, name: str) -> dict[str, Any]:
    """Carry the models on the stick, then into a cache on it; tell what was seen."""
    made = export_bundle(source, stick / name, split_bytes=400_000 if name == "cut.tar" else None)
    base = stick / f"machine-{name}"
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
        place = FILE_SYSTEMS[sys.argv[1]].mount(folder)
        place.lay()
    except NotMountable as reason:
        sys.stdout.write(str(reason))
        sys.exit(NOT_MOUNTABLE)
    here = folder.with_name("here")
    try:
        with PracticeHub() as hub:
            source = _run(hub, here, here / "run")
            download(source).require()
            seen = {name: _carried(hub, source, here, place.root, name) for name in ("folder", "one.tar", "cut.tar")}
    finally:
        place.unmount()
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
