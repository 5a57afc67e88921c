"""Records of any version and from anywhere as one table in DuckDB: what cannot be read is a row with its reason."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from runbook_lib.cache.walk import walk
from runbook_lib.core.extras import require_extra
from runbook_lib.core.lenient import json_object
from runbook_lib.errors import RecordError, UsageError
from runbook_lib.fleet.record import HOST_RECORD_NAME, remembered
from runbook_lib.run.check import Status
from runbook_lib.run.folder import HEADER_NAME
from runbook_lib.system.addresses import reached

if TYPE_CHECKING:
    import duckdb
    from fsspec import AbstractFileSystem

MEMORY: Final = "350MB"
"""What DuckDB may take before it writes to a folder of its own; the process takes about 100 MB on top."""
_PARQUET: Final = ".parquet"
_BATCH: Final = 2_000
"""How many records one statement takes: their text is all in memory."""
_SHAPE: Final = {
    "campaign": "VARCHAR",
    "host": "VARCHAR",
    "run_id": "VARCHAR",
    "status": "VARCHAR",
    "why": "VARCHAR",
    "reason": "VARCHAR",
    "started_at": "VARCHAR",
    "ended_at": "VARCHAR",
    "exit_code": "BIGINT",
    "versions": "MAP(VARCHAR, VARCHAR)",
    "run": {
        "proved": "BOOLEAN",
        "practice": "BOOLEAN",
        "versions": "MAP(VARCHAR, VARCHAR)",
        "revisions": "MAP(VARCHAR, VARCHAR)",
        "sizes": "MAP(VARCHAR, BIGINT)",
        "checks": [{"id": "VARCHAR", "status": "VARCHAR"}],
    },
}
"""What is taken from a record; a field that is missing, or of another type, is NULL, and all others are passed over."""
COLUMNS: Final = {
    "host": "VARCHAR",
    "campaign": "VARCHAR",
    "run_id": "VARCHAR",
    "status": "VARCHAR",
    "why": "VARCHAR",
    "reason": "VARCHAR",
    "started_at": "TIMESTAMP",
    "ended_at": "TIMESTAMP",
    "exit_code": "BIGINT",
    "proved": "BOOLEAN",
    "practice": "BOOLEAN",
    "versions": "MAP(VARCHAR, VARCHAR)",
    "revisions": "MAP(VARCHAR, VARCHAR)",
    "sizes": "MAP(VARCHAR, BIGINT)",
    "failed": "VARCHAR[]",
    "source": "VARCHAR",
    "unreadable": "VARCHAR",
}
"""The table, and the Parquet file it is saved as. `unreadable` is empty where all is well; times are UTC."""
_STATUSES: Final = tuple(status.value for status in Status)
_TOLD: Final = """
    CREATE OR REPLACE TEMP TABLE told AS
    SELECT source, opened, doc IS NOT NULL AS valid, json_transform(doc, $shape) AS j FROM (
        SELECT source, content IS NOT NULL AS opened, TRY_CAST(try(decode(content)) AS JSON) AS doc
        FROM (SELECT unnest($sources) AS source, unnest($contents::BLOB[]) AS content))"""
_INSERT: Final = f"""
    INSERT INTO {{table}}
    WITH judged AS (
        SELECT *, CASE
            WHEN NOT opened THEN 'it cannot be opened'
            WHEN NOT valid THEN 'it is no JSON in UTF-8'
            WHEN coalesce(j.host, '') = '' THEN 'it names no host'
            WHEN j.status IS NULL OR j.status NOT IN {_STATUSES} THEN 'it says no status that is known'
            ELSE '' END AS unreadable
        FROM told
    )
    SELECT coalesce(nullif(j.host, ''), parse_path(source)[-2], source), j.campaign, j.run_id,
           CASE WHEN unreadable = '' THEN j.status ELSE 'fail' END,
           CASE WHEN unreadable = '' THEN coalesce(j.why, '') ELSE 'unreadable' END,
           CASE WHEN unreadable = '' THEN coalesce(j.reason, '')
                ELSE 'The record cannot be read: ' || unreadable || '.' END,
           try_cast(j.started_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC',
           try_cast(j.ended_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC',
           j.exit_code, coalesce(j.run.proved, false), coalesce(j.run.practice, false),
           map_concat(coalesce(j.run.versions, MAP {{{{}}}}), coalesce(j.versions, MAP {{{{}}}})),
           coalesce(j.run.revisions, MAP {{{{}}}}), coalesce(j.run.sizes, MAP {{{{}}}}),
           list_transform(list_filter(coalesce(j.run.checks, []), lambda c: c.status = 'fail'), lambda c: c.id),
           source, unreadable
    FROM judged"""
Document = tuple[str, bytes | None]
"""Where a record comes from, and what it holds; None when it cannot be opened."""


@contextmanager
def opened_store() -> "Iterator[duckdb.DuckDBPyConnection]":
    """Open a database in memory that reads nothing but what it is told to, and fetches no extension."""
    require_extra("fleet", "duckdb", purpose="The report of a fleet")
    import duckdb

    with TemporaryDirectory(prefix="runbook-fleet-") as spill, duckdb.connect() as store:
        store.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{spill.replace(chr(39), chr(39) * 2)}'")
        store.execute(
            "SET TimeZone = 'UTC'; SET autoinstall_known_extensions = false; SET preserve_insertion_order = false"
        )
        yield store


def load(store: "duckdb.DuckDBPyConnection", table: str, sources: Sequence[str]) -> None:
    """Fill a table from folders, Parquet files and addresses that fsspec knows, such as `s3://bucket/records`.

    A folder is searched for `host.json`, and for runs that stand alone. Raises `UsageError` for a source that is not
    there or holds no record, `RecordError` for a Parquet file that is none of ours.
    """
    _create(store, table)
    for source in sources:
        before = _count(store, table)
        if source.endswith(_PARQUET):
            _load_parquet(store, table, _reachable(store, source))
        elif "://" in source:
            _load_documents(store, table, _fetched(source))
        else:
            _load_folder(store, table, Path(source))
        if _count(store, table) == before:
            raise UsageError(
                f"There is no host's record in {source}.",
                why=f"A record is a file {HOST_RECORD_NAME}, a run folder, or a row of a {_PARQUET} file.",
                remedy="Name the folder that runbook fleet run wrote, or a folder of run folders.",
            )


def load_texts(store: "duckdb.DuckDBPyConnection", table: str, documents: Iterable[tuple[str, str]]) -> None:
    """Fill a table from records by the names of their hosts."""
    _create(store, table)
    _load_documents(store, table, ((host, text.encode()) for host, text in documents))


def save(store: "duckdb.DuckDBPyConnection", table: str, path: Path) -> None:
    """Write a table as Parquet, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.tmp")
    try:
        store.table(table).write_parquet(str(partial), compression="zstd")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _load_folder(store: "duckdb.DuckDBPyConnection", table: str, folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.", remedy="Name a folder of records, or a .parquet file.")
    hosts, runs = _found(folder)
    _load_documents(store, table, ((path, _content(path)) for path in hosts))
    bare = store.execute(
        f"SELECT source FROM {table} WHERE coalesce(run_id, '') <> '' AND cardinality(sizes) = 0"
        " AND cardinality(revisions) = 0 AND source IN (SELECT unnest(?))",
        [hosts],
    ).fetchall()
    whole = [(source, text) for (source,) in bare if (text := _with_run(Path(source)))]
    store.execute(f"DELETE FROM {table} WHERE source IN (SELECT unnest(?))", [[source for source, _ in whole]])
    alone = ((str(run / HEADER_NAME), _alone(run)) for run in runs)
    _load_documents(store, table, ((source, text.encode()) for source, text in (*whole, *alone)))


def _content(path: str) -> bytes | None:
    """Read a file: half of what DuckDB's `read_blob` (1.4) takes for it."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path costs as much as the reading
            return file.read()
    except OSError:
        return None


def _found(folder: Path) -> tuple[list[str], list[Path]]:
    """Return the hosts' records, and the run folders that have none beside their header."""
    hosts, runs = [], []
    for name, _facts in walk(folder):
        parent, _, file = name.rpartition("/")
        if file == HOST_RECORD_NAME:
            hosts.append(parent)
        elif file == HEADER_NAME:
            runs.append(parent)
    alone = set(runs).difference(hosts)
    return [f"{folder}/{parent}/{HOST_RECORD_NAME}" for parent in hosts], [folder / run for run in sorted(alone)]


def _with_run(path: Path) -> str:
    """Return a record together with what the run beside it left; empty when there is no run."""
    entry = remembered(path.parent)
    return json.dumps({**json_object(path), "run": entry.model_dump(mode="json")}) if entry else ""


def _alone(folder: Path) -> str:
    """Return a run that no campaign asked for as a record of its host; empty when it cannot be read."""
    entry = remembered(folder)
    if entry is None:
        return json.dumps({"host": folder.name})  # becomes a row with its reason
    began, ended = entry.began_at.isoformat(), entry.ended_at.isoformat() if entry.ended_at else None
    told = {"host": entry.host, "run_id": entry.id, "status": entry.status, "why": "run", "reason": entry.said}
    return json.dumps({**told, "started_at": began, "ended_at": ended, "run": entry.model_dump(mode="json")})


def _load_documents(store: "duckdb.DuckDBPyConnection", table: str, documents: Iterable[Document]) -> None:
    """Take records apart, a batch at a time: in one statement DuckDB would read each once for every column."""
    left = iter(documents)
    while batch := list(islice(left, _BATCH)):
        sources, contents = map(list, zip(*batch, strict=True))
        store.execute(_TOLD, {"shape": json.dumps(_SHAPE), "sources": sources, "contents": contents})
        store.execute(_INSERT.format(table=table))


def _create(store: "duckdb.DuckDBPyConnection", table: str) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    store.execute(f"CREATE TABLE {table} ({columns})")


def _load_parquet(store: "duckdb.DuckDBPyConnection", table: str, path: str) -> None:
    """Take the columns that are there, by name; a column of another type counts as not there."""
    import duckdb

    try:
        there = {row[0]: row[1] for row in store.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()}
        if "host" not in there:
            raise RecordError(f"{path} holds no hosts' records.", why="It has no column host.")
        taken = [name if name in there else f"NULL AS {name}" for name in COLUMNS]
        casts = ", ".join(f"TRY_CAST({name} AS {kind}) AS {name}" for name, kind in COLUMNS.items())
        told = f"SELECT {casts} FROM (SELECT {', '.join(taken)} FROM read_parquet(?))"
        store.execute(f"INSERT INTO {table} SELECT * REPLACE ({_FILLED}) FROM ({told})", [path])
    except duckdb.Error as error:
        raise RecordError(f"{path} cannot be read as Parquet.", why=str(error).partition("\n")[0]) from error


_FILLED: Final = """
    coalesce(status, 'fail') AS status, coalesce(why, '') AS why, coalesce(reason, '') AS reason,
    coalesce(unreadable, '') AS unreadable, coalesce(versions, MAP {}) AS versions, coalesce(sizes, MAP {}) AS sizes,
    coalesce(revisions, MAP {}) AS revisions, coalesce(failed, []) AS failed"""


def _reachable(store: "duckdb.DuckDBPyConnection", address: str) -> str:
    """Let DuckDB read an address through fsspec; returns the address."""
    if "://" in address:
        store.register_filesystem(_reached(address)[0])
    return address


def _fetched(address: str) -> Iterator[Document]:
    """Yield the hosts' records below an address, fetched together where its file system can."""
    system, top = _reached(address)
    scheme, paths = address.partition("://")[0], iter(system.glob(f"{top.rstrip('/')}/**/{HOST_RECORD_NAME}"))
    while batch := list(islice(paths, _BATCH)):
        fetched = system.cat(batch, on_error="omit")
        yield from ((f"{scheme}://{path.lstrip('/')}", fetched.get(path)) for path in batch)


def _reached(address: str) -> "tuple[AbstractFileSystem, str]":
    return reached(address, extra="fleet", purpose=f"Reading {address.partition('://')[0]}://")


def _count(store: "duckdb.DuckDBPyConnection", table: str) -> int:
    row = store.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0
