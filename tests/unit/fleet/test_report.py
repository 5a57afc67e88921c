"""What the records of a fleet come to, whatever state they are in."""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from runbook_lib.errors import RecordError, UsageError
from runbook_lib.fleet.record import HOST_RECORD_NAME, HostRecord, remembered
from runbook_lib.fleet.report.ask import parse_upgrade, report_of
from runbook_lib.fleet.report.exposure import bounded_quirks, exposed_to
from runbook_lib.fleet.report.facts import FleetReport
from runbook_lib.fleet.report.page import page_of
from runbook_lib.fleet.report.store import opened_store, save
from runbook_lib.run.check import Status
from runbook_lib.run.folder import Run
from tests.inputs.simulated_fleet import host_documents, write_folders

BEGAN = datetime(2026, 11, 27, 4, 20, tzinfo=UTC)
TOKEN = "hf_" + "a" * 34


def asked(
    *sources: Path | str, since: tuple[str, ...] = (), upgrades: tuple[str, ...] = (), **more: int
) -> FleetReport:
    with opened_store() as store:
        given = [parse_upgrade(text) for text in upgrades]
        return report_of(store, [str(source) for source in sources], since=since, upgrades=given, **more)


def put(folder: Path, host: str, **changes: Any) -> Path:
    """Write the record of a host that ended well, but for what the test changes."""
    run = {
        "sizes": {"cache": 300, "artifacts": 200, "shared by both": 100, "free": 5_000},
        "revisions": {"org/m@main": "1" * 40},
    }
    record = {
        "schema_version": 1,
        "campaign": "c",
        "host": host,
        "status": "ok",
        "why": "run",
        "reason": "",
        "run_id": "r",
        "ended_at": BEGAN.isoformat(),
        "versions": {"huggingface_hub": "1.31.0", "docling": "2.143.0", "system": "Windows 11"},
        "run": run,
    }
    path = folder / host / HOST_RECORD_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**record, **changes}), encoding="utf-8")
    return path


def write_table(question: str, path: Path) -> None:
    with duckdb.connect() as store:
        store.execute(f"COPY ({question}) TO '{path}' (FORMAT parquet)")


def test_hosts_are_counted_by_how_they_ended_and_what_they_take(tmp_path: Path) -> None:
    put(tmp_path, "alpha")
    put(tmp_path, "beta", status="fail", why="disk", reason="The disk is full.", run=None, run_id="")
    found = asked(tmp_path)
    assert [(one.status, one.why, one.hosts, one.reason) for one in found.outcomes] == [
        ("fail", "disk", 1, "The disk is full."),
        ("ok", "run", 1, ""),
    ]
    assert (found.disk.total_bytes, found.disk.least_free_bytes, found.disk.measured_hosts) == (400, 5_000, 1)
    assert [row.host for row in found.rows] == ["beta", "alpha"]
    assert [(one.model, one.hosts) for one in found.revisions] == [("org/m@main", 1)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no JSON"),
        (b'{"host": "broken", ', "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[1, 2]", "names no host"),
        (b'{"status": "ok"}', "names no host"),
        (b'{"host": "broken", "status": {"a": 1}}', "no status"),
        (b'{"host": "broken", "status": "splendid"}', "no status"),
    ],
)
def test_a_broken_record_is_a_row_with_its_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    put(tmp_path, "alpha")
    put(tmp_path, "broken").write_bytes(content)
    found = asked(tmp_path)
    (row,) = [row for row in found.rows if row.host == "broken"]
    assert (found.hosts, found.unreadable, row.status, row.why) == (2, 1, "fail", "unreadable")
    assert reason in row.reason


@pytest.mark.skipif(os.name == "nt", reason="a link takes a right that Windows does not give")
def test_a_record_that_cannot_be_opened_is_a_row_with_its_reason(tmp_path: Path) -> None:
    put(tmp_path, "alpha")
    put(tmp_path, "gone").unlink()
    (tmp_path / "gone" / HOST_RECORD_NAME).symlink_to("nowhere")
    (row,) = [row for row in asked(tmp_path).rows if row.host == "gone"]
    assert (row.why, row.reason) == ("unreadable", "The record cannot be read: it cannot be opened.")


def test_records_of_other_versions_are_read_as_far_as_they_are_understood(tmp_path: Path) -> None:
    put(tmp_path, "newer", schema_version=9, shade="green", exit_code="zero", versions=["not", "a", "map"])
    (tmp_path / "older").mkdir()
    (tmp_path / "older" / HOST_RECORD_NAME).write_text('{"host": "older", "status": "warn"}', encoding="utf-8")
    found = asked(tmp_path)
    assert (found.unreadable, sorted(row.host for row in found.rows)) == (0, ["newer", "older"])


def test_exposure_goes_by_the_installed_versions_and_the_system(tmp_path: Path) -> None:
    put(tmp_path, "old")
    put(tmp_path, "new", versions={"huggingface-hub": "1.33.0", "system": "Windows 11"})
    put(tmp_path, "tux", versions={"Huggingface.Hub": "1.31.0", "system": "Linux 6.1"})
    by_host = {row.host: row.quirks for row in asked(tmp_path).rows}
    assert "quirk-001" in by_host["old"]
    assert "quirk-001" not in by_host["new"]
    quirk = next(quirk for quirk in bounded_quirks() if quirk.id == "quirk-001")
    assert ("quirk-001" in by_host["tux"]) == ("linux" in [platform.value for platform in quirk.platforms])


def test_a_version_that_cannot_be_read_is_in_no_range() -> None:
    found = exposed_to("Windows", {"huggingface-hub": "of yesterday"})
    assert [quirk.id for quirk, _because in found] == []


def test_an_upgrade_says_what_would_be_new_and_what_would_be_gone(tmp_path: Path) -> None:
    put(tmp_path, "alpha")
    put(tmp_path, "without", versions={"system": "Windows 11"})
    (upgrade,) = asked(tmp_path, upgrades=("huggingface_hub=2.4.0",)).upgrades
    assert (upgrade.package, upgrade.version, upgrade.hosts) == ("huggingface-hub", "2.4.0", 1)
    assert "quirk-001" in [one.quirk for one in upgrade.lost]
    assert "quirk-001" not in [one.quirk for one in upgrade.gained]
    assert all(one.hosts == 1 and one.examples == ("alpha",) for one in (*upgrade.gained, *upgrade.lost))


@pytest.mark.parametrize("words", ["huggingface_hub", "huggingface_hub=", "=1.0", "a=of yesterday"])
def test_an_upgrade_without_a_version_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="not a package and version"):
        parse_upgrade(words)


def test_the_newest_record_of_a_host_counts_and_is_compared_with_the_one_before(tmp_path: Path) -> None:
    put(tmp_path / "first", "alpha", versions={"huggingface_hub": "1.10.2"})
    later = (BEGAN + timedelta(days=7)).isoformat()
    sizes = {"cache": 900, "artifacts": 200, "shared by both": 100}
    put(
        tmp_path / "second",
        "alpha",
        ended_at=later,
        status="fail",
        run={"sizes": sizes, "revisions": {"org/m@main": "2" * 40}},
    )
    found = asked(tmp_path)
    assert (found.records, found.hosts, found.rows[0].status) == (2, 1, "fail")
    assert found.changes is not None
    assert found.changes.disk_bytes == 600
    told = {(one.kind, one.name, one.before, one.after) for one in found.changes.rows}
    assert ("status", "", "ok", "fail") in told
    assert ("version", "huggingface_hub", "1.10.2", "1.31.0") in told
    assert ("revision", "org/m@main", "1" * 40, "2" * 40) in told


def test_a_kept_table_is_what_the_next_report_is_compared_with(tmp_path: Path) -> None:
    put(tmp_path / "records", "alpha")
    put(tmp_path / "records", "gone")
    kept = tmp_path / "kept.parquet"
    with opened_store() as store:
        before = report_of(store, [str(tmp_path / "records")])
        save(store, "record", kept)
    assert asked(kept).rows == before.rows
    (tmp_path / "records" / "gone" / HOST_RECORD_NAME).unlink()
    put(tmp_path / "records", "alpha", status="warn")
    put(tmp_path / "records", "fresh")
    changes = asked(tmp_path / "records", since=(str(kept),)).changes
    assert changes is not None
    assert {(one.kind, one.before, one.after, one.hosts) for one in changes.rows} == {
        ("status", "ok", "warn", 1),
        ("host", "", "there", 1),
        ("host", "there", "", 1),
    }


def test_a_table_of_another_version_is_read_by_the_names_of_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    write_table("SELECT 'alpha' AS host, 'ok' AS status, 7 AS versions, true AS shade", path)
    (row,) = asked(path).rows
    assert (row.host, row.status, row.versions) == ("alpha", "ok", {})


def test_what_is_no_table_of_hosts_is_refused(tmp_path: Path) -> None:
    write_table("SELECT 1 AS one", tmp_path / "other.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing more")
    (tmp_path / "empty").mkdir()
    for name, error in (("other.parquet", RecordError), ("broken.parquet", RecordError), ("gone.parquet", RecordError)):
        with pytest.raises(error):
            asked(tmp_path / name)
    for name in ("empty", "gone"):
        with pytest.raises(UsageError):
            asked(tmp_path / name)


def test_run_folders_without_a_campaign_are_read_too(tmp_path: Path) -> None:
    Run.create(tmp_path / "share" / "20261127T042000Z-alpha", {}, {})
    found = asked(tmp_path)
    assert (found.hosts, found.rows[0].why) == (1, "run")


def test_a_record_without_what_its_run_left_takes_it_from_the_files_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "alpha"
    Run.create(folder, {}, {})
    (folder / "06_measure_disk.json").write_text(
        json.dumps({"stage": "measure_disk", "facts": {"cache_bytes": 70, "artifacts_bytes": 0}}), encoding="utf-8"
    )
    bare = HostRecord(campaign="c", host="alpha", run_id="r", status=Status.OK, why="run", reason="")
    (folder / HOST_RECORD_NAME).write_text(bare.model_dump_json(), encoding="utf-8")
    assert asked(tmp_path).disk.total_bytes == 70
    whole = HostRecord.model_validate({**dict(bare), "run": remembered(folder)})
    (folder / HOST_RECORD_NAME).write_text(whole.model_dump_json(), encoding="utf-8")
    (folder / "06_measure_disk.json").unlink()
    found = asked(tmp_path)
    assert (found.records, found.disk.total_bytes) == (1, 70)


def test_an_address_is_read_through_fsspec(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    path = put(tmp_path, "alpha")
    memory.pipe("/bucket/records/alpha/host.json", path.read_bytes())
    with opened_store() as store:
        report_of(store, [str(tmp_path)])
        save(store, "record", tmp_path / "kept.parquet")
    memory.pipe("/bucket/kept.parquet", (tmp_path / "kept.parquet").read_bytes())
    for address in ("memory://bucket/records", "memory://bucket/kept.parquet"):
        assert [row.host for row in asked(address).rows] == ["alpha"]


def test_an_address_that_nothing_reads_says_what_to_install() -> None:
    with pytest.raises(UsageError, match="Nothing here can read or write nowhere://") as caught:
        asked("nowhere://bucket/records")
    assert "s3fs" in caught.value.remedy


def test_the_page_runs_one_script_of_ours_and_shows_outside_text_as_text(tmp_path: Path) -> None:
    put(tmp_path, "<script>alert(1)</script>", status="fail", why="<b>", reason=f"<img src=x onerror=alert(1)> {TOKEN}")
    page = page_of(asked(tmp_path))
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert "<b>" not in page
    assert TOKEN not in page
    assert "script-src 'sha256-" in page
    assert "default-src 'none'" in page
    assert "http://" not in page


def test_only_the_worst_hosts_are_listed_where_fewer_are_asked_for(tmp_path: Path) -> None:
    for host in ("alpha", "beta", "gamma"):
        put(tmp_path, host, status="fail" if host == "gamma" else "ok")
    found = asked(tmp_path, most_rows=1)
    assert [row.host for row in found.rows] == ["gamma"]
    assert "2 hosts that ended better are not listed" in page_of(found)


def test_a_thousand_simulated_records_are_counted_as_they_were_made(tmp_path: Path) -> None:
    write_folders(1_000, tmp_path)
    told = [json.loads(text) for _host, text in host_documents(1_000) if text.endswith("}")]
    began = time.process_time()
    found = asked(tmp_path)
    assert time.process_time() - began < 10
    assert found.hosts == 1_000
    well = sum(one.hosts for one in found.outcomes if one.status in ("ok", "warn"))
    assert abs(well - sum(record["status"] in ("ok", "warn") for record in told)) <= found.unreadable
