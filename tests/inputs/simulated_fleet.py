"""A simulated fleet: host records as `runbook fleet run` leaves them, or as Parquet; the same for the same seed.

`python -m tests.inputs.simulated_fleet HOSTS FOLDER` writes a folder a host, `... HOSTS FILE.parquet` a table.
"""

import json
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from runbook_lib.fleet.record import HOST_RECORD_NAME
from runbook_lib.fleet.report.store import opened_store

SEED: Final = 20261127
SIMULATED: Final = 100_000
_BEGAN: Final = datetime(2026, 11, 27, 4, 20, tzinfo=UTC)
_HUBS: Final = ("1.10.2", "1.21.0", "1.26.0", "1.31.0", "1.33.0")
_DOCLINGS: Final = ("2.61.2", "2.118.0", "2.120.3", "2.143.0")
_SYSTEMS: Final = ("Windows 11", "Windows 10", "Linux 6.1", "Darwin 25")
_WHYS: Final = ("missing", "asleep", "disk", "version", "docling", "lost")
_CHECKS: Final = ("symlinks", "snapshot-intact", "proxy", "disk-room", "converted", "artifacts-placed")
_MODELS: Final = ("docling-project/docling-layout-heron@main", "docling-project/docling-models@v2.3.0")
_UPGRADED: Final = 0.1
_SILENT: Final = 0.04
_FAILING: Final = 0.01
_BROKEN: Final = 0.001
"""Of a thousand records one is cut short, as a copy that was broken off leaves it."""


def host_documents(hosts: int, *, week: int = 0) -> Iterator[tuple[str, str]]:
    """Yield host names and their records; in a later `week` some have other versions."""
    for number in range(hosts):
        chance = random.Random(f"{SEED}-{number}")
        later = random.Random(f"{SEED}-{number}-{week}")
        text = json.dumps(_record(f"host-{number:07d}", chance, later, week))
        yield f"host-{number:07d}", text[: len(text) // 2] if later.random() < _BROKEN else text


def _record(host: str, chance: random.Random, later: random.Random, week: int) -> dict[str, Any]:
    versions = _versions(chance, later, week)
    began = _BEGAN + timedelta(weeks=week, seconds=chance.randrange(7200))
    record = {"schema_version": 1, "campaign": f"week-{week}", "host": host, "versions": versions}
    if later.random() < _SILENT:
        why = later.choice(_WHYS)
        return {**record, "status": "fail", "why": why, "reason": f"The host is {why}.", "run_id": ""}
    failed = [check for check in _CHECKS if later.random() < _FAILING]
    run = _run(host, began, failed, chance, later) | {"versions": versions}
    ended = (began + timedelta(seconds=later.randrange(60, 900))).isoformat()
    return {
        **record,
        "status": run["status"],
        "why": "run",
        "reason": f"{failed[0]} does not hold" if failed else "",
        "exit_code": int(bool(failed)),
        "run_id": run["id"],
        "started_at": run["began_at"],
        "ended_at": ended,
        "run": run,
    }


def _versions(chance: random.Random, later: random.Random, week: int) -> dict[str, str]:
    hub, docling = chance.randrange(len(_HUBS)), chance.choice(_DOCLINGS)
    if week and later.random() < _UPGRADED:
        hub = min(hub + 1, len(_HUBS) - 1)
    return {
        "docling-runbook": "0.1.0",
        "python": chance.choice(("3.11.9", "3.12.7", "3.13.1")),
        "system": chance.choice(_SYSTEMS),
        "docling": docling,
        "huggingface_hub": _HUBS[hub],
        "transformers": chance.choice(("4.57.1", "5.2.0")),
        "hf_xet": "1.4.1",
        "rapidocr": chance.choice(("3.4.2", "3.8.1")),
    }


def _run(
    host: str, began: datetime, failed: Sequence[str], chance: random.Random, later: random.Random
) -> dict[str, Any]:
    status = "fail" if failed else later.choice(("ok", "ok", "ok", "warn"))
    cache_bytes = chance.randrange(400_000_000, 6_000_000_000)
    return {
        "format": 1,
        "id": f"{began:%Y%m%dT%H%M%SZ}-{host}",
        "host": host,
        "began_at": began.isoformat(),
        "state": "failed" if failed else "finished",
        "status": status,
        "proved": not failed,
        "checks": [
            {"id": check, "stage": "detect", "status": "fail", "title": "It holds", "evidence": "x" * 80}
            for check in failed
        ],
        "variables": {"HF_HOME": f"/srv/{host}/hf", "HF_HUB_DISABLE_SYMLINKS": "1"},
        "revisions": {model: f"{chance.getrandbits(4):040x}" for model in _MODELS},
        "sizes": {
            "cache": cache_bytes,
            "artifacts": cache_bytes // 2,
            "shared by both": cache_bytes // 2,
            "free": later.randrange(10**9, 10**12),
        },
    }


def write_folders(hosts: int, folder: Path, *, week: int = 0) -> None:
    """Write a folder a host."""
    for host, text in host_documents(hosts, week=week):
        (folder / host).mkdir(parents=True, exist_ok=True)
        (folder / host / HOST_RECORD_NAME).write_text(text, encoding="utf-8")


def write_parquet(hosts: int, path: Path, *, week: int = 0) -> None:
    """Write a table, through the reader itself, so that it is what `--save` would have written.

    Of a large fleet a part is simulated, and the rest are the same hosts under other names.
    """
    from runbook_lib.fleet.report import store

    simulated = min(hosts, SIMULATED)
    with opened_store() as database:
        store.load_texts(database, "simulated", host_documents(simulated, week=week))
        database.execute(
            "CREATE VIEW record AS SELECT s.* REPLACE (s.host || '-' || n AS host)"
            f" FROM simulated s, range({hosts // simulated}) AS r(n)"
        )
        store.save(database, "record", path)


if __name__ == "__main__":
    count, place = int(sys.argv[1]), Path(sys.argv[2])
    (write_parquet if place.suffix == ".parquet" else write_folders)(count, place)
