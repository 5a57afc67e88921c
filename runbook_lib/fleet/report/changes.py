"""What has changed since last time."""

from typing import TYPE_CHECKING, Final, Literal

from runbook_lib.fleet.report.facts import Change, Changes

if TYPE_CHECKING:
    import duckdb

_MOST: Final = 200
DISK_BYTES: Final = (
    "(coalesce({0}.sizes['cache'], 0) + coalesce({0}.sizes['artifacts'], 0) - coalesce({0}.sizes['shared by both'], 0))"
)
"""What a row of a table takes on disk: contents that cache and artifacts folder share are counted once."""


def changes_since(store: "duckdb.DuckDBPyConnection", *, is_given: bool) -> Changes | None:
    """Compare the newest record of each host with the one before, or with the table `earlier` where it is given.

    None when no host has anything to be compared with.
    """
    if is_given:
        store.execute("""
            CREATE TABLE former AS SELECT rowid AS id, row_number() OVER (
                PARTITION BY host ORDER BY coalesce(ended_at, started_at) DESC NULLS LAST, source DESC
            ) AS number FROM earlier WHERE unreadable = ''""")
        store.execute(
            "CREATE VIEW before AS SELECT r.* FROM earlier r JOIN former f ON r.rowid = f.id WHERE f.number = 1"
        )
    else:
        store.execute(
            "CREATE VIEW before AS SELECT r.* FROM record r JOIN place p ON r.rowid = p.id"
            " WHERE p.number = 2 AND r.unreadable = ''"
        )
    row = store.execute(
        f"SELECT count(*), coalesce(sum({DISK_BYTES.format('n')} - {DISK_BYTES.format('b')}) FILTER"
        " (n.sizes['cache'] IS NOT NULL AND b.sizes['cache'] IS NOT NULL), 0)::BIGINT"
        " FROM newest n JOIN before b USING (host)"
    ).fetchone()
    compared, grown = row or (0, 0)
    if not compared:
        return None
    rows = [*_statuses(store), *_maps(store, "version", "versions"), *_maps(store, "revision", "revisions")]
    rows += _comings(store) if is_given else []
    return Changes(compared_hosts=compared, disk_bytes=grown, rows=tuple(sorted(rows, key=lambda one: -one.hosts)))


def _statuses(store: "duckdb.DuckDBPyConnection") -> list[Change]:
    rows = store.execute(
        "SELECT b.status, n.status, count(*) FROM newest n JOIN before b USING (host)"
        " WHERE n.status IS DISTINCT FROM b.status GROUP BY ALL"
    ).fetchall()
    return [Change(kind="status", name="", before=old, after=new, hosts=hosts) for old, new, hosts in rows]


def _maps(store: "duckdb.DuckDBPyConnection", kind: Literal["version", "revision"], column: str) -> list[Change]:
    """Count the entries of a map that came, went or changed."""
    rows = store.execute(
        f"""
        WITH changed AS (
            SELECT n.{column} AS new, b.{column} AS old FROM newest n JOIN before b USING (host)
            WHERE n.{column} IS DISTINCT FROM b.{column}
        ), named AS (
            SELECT new, old, unnest(list_distinct(list_concat(map_keys(new), map_keys(old)))) AS name FROM changed
        )
        SELECT name, coalesce(old[name], ''), coalesce(new[name], ''), count(*) FROM named
        WHERE old[name] IS DISTINCT FROM new[name] GROUP BY ALL ORDER BY count(*) DESC, name LIMIT ?""",
        [_MOST],
    ).fetchall()
    return [Change(kind=kind, name=name, before=old, after=new, hosts=hosts) for name, old, new, hosts in rows]


def _comings(store: "duckdb.DuckDBPyConnection") -> list[Change]:
    """Count the hosts that are new, and those of which there is no record any more."""
    counted = (
        ("", "there", "SELECT count(*) FROM newest ANTI JOIN before USING (host)"),
        ("there", "", "SELECT count(*) FROM before ANTI JOIN newest USING (host)"),
    )
    found = [(old, new, (store.execute(question).fetchone() or (0,))[0]) for old, new, question in counted]
    return [Change(kind="host", name="", before=old, after=new, hosts=hosts) for old, new, hosts in found if hosts]
