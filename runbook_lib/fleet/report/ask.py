"""The questions that a fleet's records are asked."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from runbook_lib.errors import UsageError
from runbook_lib.fleet.report.changes import DISK_BYTES, changes_since
from runbook_lib.fleet.report.exposure import exposed_to, watched_packages
from runbook_lib.fleet.report.facts import (
    EXAMPLES,
    CheckCount,
    Disk,
    Exposure,
    FleetReport,
    HostRow,
    Outcome,
    RevisionCount,
    Upgrade,
    VersionCount,
)
from runbook_lib.fleet.report.store import load
from runbook_lib.quirks.catalogue import load_catalogue

if TYPE_CHECKING:
    import duckdb

_ALSO_SHOWN: Final = ("docling", "docling-runbook", "runbook", "python", "transformers", "torch")
_UPGRADE: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==?(\S+)")
_NORMAL: Final = "regexp_replace(lower({}), '[-_.]+', '-', 'g')"
_MOST_KINDS: Final = 200
"""How many rows a table of kinds has at the most: versions, revisions, reasons."""


@dataclass(frozen=True)
class Profile:
    """Hosts with the same system and the same versions of what matters."""

    id: int
    platform: str
    installed: Mapping[str, str]
    hosts: int


def parse_upgrade(text: str) -> tuple[str, str]:
    """Read `package=version`; raises `UsageError`."""
    match = _UPGRADE.fullmatch(text.strip())
    try:
        return (canonicalize_name(match[1]), str(Version(match[2]))) if match else _no_upgrade(text)
    except InvalidVersion:
        return _no_upgrade(text)


def _no_upgrade(text: str) -> tuple[str, str]:
    raise UsageError(f"{text!r} is not a package and version.", remedy="Write it as huggingface_hub=2.4.0.")


def report_of(
    store: "duckdb.DuckDBPyConnection",
    sources: Sequence[str],
    *,
    since: Sequence[str] = (),
    upgrades: Sequence[tuple[str, str]] = (),
    most_rows: int = 5_000,
) -> FleetReport:
    """Load the records and ask everything; the newest readable record of a host is what it is taken for.

    Compared with `since`, or without it with each host's record before. Raises as `load` does.
    """
    started = time.perf_counter()
    load(store, "record", sources)
    if since:
        load(store, "earlier", since)
    _rank(store)
    profiles = _profiles(store)
    _expose(store, profiles, upgrades)
    records, unreadable = _one(store, "SELECT count(*), count(*) FILTER (unreadable <> '') FROM record")
    return FleetReport(
        made_at=datetime.now(UTC).replace(microsecond=0),
        records=records,
        unreadable=unreadable,
        hosts=_one(store, "SELECT count(*) FROM newest")[0],
        outcomes=_outcomes(store),
        exposures=_exposures(store, "now"),
        upgrades=tuple(_upgrade(store, profiles, *upgrade) for upgrade in upgrades),
        versions=tuple(_versions(profiles)),
        revisions=_revisions(store),
        failing=_failing(store),
        disk=_disk(store),
        changes=changes_since(store, is_given=bool(since)),
        rows=_rows(store, most_rows),
        elapsed_s=round(time.perf_counter() - started, 3),
    )


def _rank(store: "duckdb.DuckDBPyConnection") -> None:
    """Number each host's records, the newest readable one first; the rows themselves are not copied."""
    store.execute("""
        CREATE TABLE place AS SELECT rowid AS id, row_number() OVER (
            PARTITION BY host
            ORDER BY unreadable <> '', coalesce(ended_at, started_at) DESC NULLS LAST, source DESC
        ) AS number FROM record""")
    store.execute("CREATE VIEW newest AS SELECT r.* FROM record r JOIN place p ON r.rowid = p.id WHERE p.number = 1")


def _profiles(store: "duckdb.DuckDBPyConnection") -> list[Profile]:
    """Sort the hosts by what their exposure depends on: few kinds, however many hosts."""
    shown = sorted(watched_packages() | set(_ALSO_SHOWN))
    normal = _NORMAL.format("e.key")
    store.execute(
        f"""
        CREATE TABLE standing AS SELECT host, status,
            split_part(coalesce(versions['system'], ''), ' ', 1) AS platform,
            to_json(list_sort(list_filter(map_entries(versions), lambda e: list_contains(?, {normal}))))::VARCHAR
                AS kind
        FROM newest""",
        [shown],
    )
    store.execute("""
        CREATE TABLE profile AS SELECT row_number() OVER () AS id, platform, kind, count(*) AS hosts
        FROM standing GROUP BY platform, kind""")
    rows = store.execute("SELECT id, platform, kind, hosts FROM profile").fetchall()
    return [Profile(number, platform, _installed(kind), hosts) for number, platform, kind, hosts in rows]


@cache
def _installed(kind: str) -> Mapping[str, str]:
    return {canonicalize_name(entry["key"]): str(entry["value"]) for entry in json.loads(kind)}


def _expose(
    store: "duckdb.DuckDBPyConnection", profiles: Iterable[Profile], upgrades: Sequence[tuple[str, str]]
) -> None:
    """Write which profile is exposed to which quirk, now and after each upgrade."""
    store.execute("CREATE TABLE exposure (id BIGINT, kind VARCHAR, quirk VARCHAR, because VARCHAR)")
    rows: list[tuple[int, str, str, str]] = []
    for profile in profiles:
        now = {quirk.id: because for quirk, because in exposed_to(profile.platform, profile.installed)}
        rows += [(profile.id, "now", quirk, because) for quirk, because in now.items()]
        for package, version in upgrades:
            if package not in profile.installed:
                continue
            then = exposed_to(profile.platform, {**profile.installed, package: version})
            after = {quirk.id: because for quirk, because in then}
            label = f"{package}={version}"
            rows += [(profile.id, f"+{label}", quirk, because) for quirk, because in after.items() if quirk not in now]
            rows += [(profile.id, f"-{label}", quirk, because) for quirk, because in now.items() if quirk not in after]
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        store.execute("INSERT INTO exposure SELECT unnest(?), unnest(?), unnest(?), unnest(?)", columns)


def _exposures(store: "duckdb.DuckDBPyConnection", kind: str) -> tuple[Exposure, ...]:
    """Count the hosts by quirk and versions, the worst quirk first."""
    rows = store.execute(
        """
        SELECT e.quirk, e.because, count(*), min(s.host, ?) FROM exposure e
        JOIN profile p USING (id) JOIN standing s ON s.platform = p.platform AND s.kind = p.kind
        WHERE e.kind = ? GROUP BY e.quirk, e.because""",
        [EXAMPLES, kind],
    ).fetchall()
    quirks = {quirk.id: quirk for quirk in load_catalogue()}
    exposures = [
        Exposure(
            quirk=quirk,
            title=quirks[quirk].title,
            severity=quirks[quirk].severity.value,
            because=because,
            hosts=hosts,
            examples=tuple(examples),
        )
        for quirk, because, hosts, examples in rows
    ]
    return tuple(sorted(exposures, key=lambda one: (quirks[one.quirk].severity.rank, -one.hosts, one.quirk)))


def _upgrade(store: "duckdb.DuckDBPyConnection", profiles: Iterable[Profile], package: str, version: str) -> Upgrade:
    label = f"{package}={version}"
    return Upgrade(
        package=package,
        version=version,
        hosts=sum(one.hosts for one in profiles if one.installed.get(package, version) != version),
        gained=_exposures(store, f"+{label}"),
        lost=_exposures(store, f"-{label}"),
    )


def _versions(profiles: Iterable[Profile]) -> list[VersionCount]:
    counted = Counter[tuple[str, str]]()
    for profile in profiles:
        for package, version in profile.installed.items():
            counted[package, version] += profile.hosts
    rows = sorted(counted.items(), key=lambda row: (row[0][0], -row[1], row[0][1]))
    return [VersionCount(package=package, version=version, hosts=hosts) for (package, version), hosts in rows]


def _outcomes(store: "duckdb.DuckDBPyConnection") -> tuple[Outcome, ...]:
    rows = store.execute(
        "SELECT status, why, count(*), min(reason) FROM newest GROUP BY status, why"
        " ORDER BY list_position(['fail', 'warn', 'ok', 'skip'], status), count(*) DESC, why LIMIT ?",
        [_MOST_KINDS],
    ).fetchall()
    return tuple(Outcome(status=row[0], why=row[1], hosts=row[2], reason=row[3] or "") for row in rows)


def _revisions(store: "duckdb.DuckDBPyConnection") -> tuple[RevisionCount, ...]:
    rows = store.execute(
        "SELECT e.key, e.value, count(*) FROM (SELECT unnest(map_entries(revisions)) AS e FROM newest)"
        " GROUP BY ALL ORDER BY e.key, count(*) DESC, e.value LIMIT ?",
        [_MOST_KINDS],
    ).fetchall()
    return tuple(RevisionCount(model=row[0], commit=row[1] or "", hosts=row[2]) for row in rows)


def _failing(store: "duckdb.DuckDBPyConnection") -> tuple[CheckCount, ...]:
    rows = store.execute(
        "SELECT id, count(*) FROM (SELECT unnest(failed) AS id FROM newest)"
        " GROUP BY id ORDER BY count(*) DESC, id LIMIT ?",
        [_MOST_KINDS],
    ).fetchall()
    return tuple(CheckCount(check=row[0], hosts=row[1]) for row in rows)


def _disk(store: "duckdb.DuckDBPyConnection") -> Disk:
    hosts, total, median, largest, free = _one(
        store,
        "SELECT count(*), coalesce(sum(b), 0)::BIGINT, coalesce(approx_quantile(b, 0.5), 0)::BIGINT,"
        f" coalesce(max(b), 0), min(f) FROM (SELECT {DISK_BYTES.format('newest')} AS b, sizes['free'] AS f"
        " FROM newest WHERE sizes['cache'] IS NOT NULL)",
    )
    return Disk(
        measured_hosts=hosts, total_bytes=total, median_bytes=median, largest_bytes=largest, least_free_bytes=free
    )


def _rows(store: "duckdb.DuckDBPyConnection", most: int) -> tuple[HostRow, ...]:
    """Return hosts one by one, those first that need somebody."""
    disk = f"CASE WHEN sizes['cache'] IS NOT NULL THEN {DISK_BYTES.format('newest')} END"
    rows = store.execute(
        f"""
        WITH shown AS (
            SELECT host, status, why, reason, ended_at, {disk} AS disk_bytes, sizes['free'] AS free_bytes,
                   list_position(['fail', 'warn', 'ok', 'skip'], status) AS rank
            FROM newest ORDER BY rank, host LIMIT ?
        ), opened AS (SELECT id, list(quirk ORDER BY quirk) AS quirks FROM exposure WHERE kind = 'now' GROUP BY id)
        SELECT host, w.status, why, reason, platform, s.kind, disk_bytes, free_bytes, ended_at, coalesce(quirks, [])
        FROM shown w JOIN standing s USING (host) JOIN profile p USING (platform, kind) LEFT JOIN opened USING (id)
        ORDER BY rank, host""",
        [most],
    ).fetchall()
    return tuple(
        HostRow(
            host=row[0],
            status=row[1],
            why=row[2],
            reason=row[3] or "",
            platform=row[4],
            versions=dict(_installed(row[5])),
            disk_bytes=row[6],
            free_bytes=row[7],
            ended_at=row[8].replace(tzinfo=UTC) if row[8] else None,
            quirks=tuple(row[9]),
        )
        for row in rows
    )


def _one(store: "duckdb.DuckDBPyConnection", question: str) -> tuple[int, ...]:
    return store.execute(question).fetchone() or ()
