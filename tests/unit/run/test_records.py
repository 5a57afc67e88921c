"""The JSON a run leaves on disk, pinned literally, and what is derived from it."""

import errno
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from runbook_lib.core import atomic
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.errors import DiskError, RecordError, StageFailed, UsageError
from runbook_lib.render.sections import Section, Table
from runbook_lib.run.check import Artifact, Change, Check, Status, worst
from runbook_lib.run.folder import STAGES, Run, RunState, stage_file_stem
from runbook_lib.run.record import Facts, RawFacts, StageRecord

WHEN = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


class Weather(Facts):
    degrees: int

    def sections(self) -> Sequence[Section]:
        return (Table("Weather", ("what", "seen"), (("degrees", str(self.degrees)),)),)


def record_of(*checks: Check, **fields: object) -> StageRecord[Weather]:
    values = {"stage": "detect", "started_at": WHEN, "elapsed_s": 1.5, "facts": Weather(degrees=3), "checks": checks}
    return StageRecord[Weather].model_validate(values | fields)


def check(status: Status, identifier: str = "sky", **fields: str) -> Check:
    return Check(id=identifier, title="the sky is up", status=status, evidence="blue", **fields)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", {"hub": "practice", "offline": False}, {"hub": "parameter"})


def test_the_record_of_a_stage_is_this_json() -> None:
    record = record_of(
        check(Status.OK),
        check(Status.FAIL, "sea", remedy="go home", quirk="quirk-001", fixed_by=FixedBy.DETECT),
        inputs={"hub": "practice"},
        changes=(Change(what="a file", before="", after="written"),),
        artifacts=(Artifact(name="page-1.png", title="Page 1", alternative="a page"),),
    )
    empty = {"remedy": "", "quirk": "", "fixed_by": ""}
    assert json.loads(record.model_dump_json()) == {
        "schema_version": 2,
        "practice": False,
        "stage": "detect",
        "started_at": "2025-01-02T03:04:05Z",
        "elapsed_s": 1.5,
        "inputs": {"hub": "practice"},
        "facts": {"degrees": 3},
        "checks": [
            {"id": "sky", "title": "the sky is up", "status": "ok", "evidence": "blue", **empty},
            {
                "id": "sea",
                "title": "the sky is up",
                "status": "fail",
                "evidence": "blue",
                "remedy": "go home",
                "quirk": "quirk-001",
                "fixed_by": "01_detect",
            },
        ],
        "changes": [{"what": "a file", "before": "", "after": "written"}],
        "artifacts": [{"name": "page-1.png", "title": "Page 1", "alternative": "a page"}],
        "status": "fail",
    }


def test_the_header_of_a_run_is_this_json(run: Run) -> None:
    header = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    for volatile in ("created_at", "heartbeat_at", "host", "python"):
        assert isinstance(header.pop(volatile), str)
    assert header == {
        "schema_version": 2,
        "practice": False,
        "cache_dir": "",
        "artifacts_dir": "",
        "endpoint": "",
        "settings": {"hub": "practice", "offline": False},
        "origins": {"hub": "parameter"},
        "stages": ["detect", "configure_env", "download", "verify", "convert", "measure_disk"],
        "state": "running",
        "problem": "",
    }


def test_files_are_named_by_number_and_stage(run: Run) -> None:
    names = [run.record_path(stage).name for stage in STAGES]
    assert names == [
        "01_detect.json",
        "02_configure_env.json",
        "03_download.json",
        "04_verify.json",
        "05_convert.json",
        "06_measure_disk.json",
    ]
    assert stage_file_stem("convert") == "05_convert"


def test_a_record_survives_the_round_trip(run: Run) -> None:
    saved = run.save(record_of(check(Status.WARN), changes=(Change(what="ä", before="ö", after="ü"),)))
    assert run.read("detect", Weather) == saved
    assert run.has("detect")
    assert not run.has("verify")


def test_any_record_can_be_read_without_knowing_its_facts(run: Run) -> None:
    saved = run.save(record_of(check(Status.OK)))
    (read,) = run.records()
    assert read.checks == saved.checks
    assert isinstance(read.facts, RawFacts)
    assert read.facts.model_dump() == {"degrees": 3}


def test_records_come_in_stage_order(run: Run) -> None:
    for stage in reversed(STAGES):
        run.save(record_of(stage=stage))
    assert tuple(record.stage for record in run.records()) == STAGES


def test_saving_a_record_moves_the_heartbeat(run: Run) -> None:
    before = run.header()
    run.save(record_of())
    after = run.header()
    assert after.heartbeat_at > before.heartbeat_at
    assert after.created_at == before.created_at


def test_update_changes_only_what_is_named(run: Run) -> None:
    before = run.header()
    run.update(state=RunState.FAILED, problem="the kernel died")
    after = run.header()
    changed = {"state": RunState.FAILED, "problem": "the kernel died", "heartbeat_at": after.heartbeat_at}
    assert after == before.model_copy(update=changed)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((), Status.SKIP),
        ((Status.SKIP,), Status.SKIP),
        ((Status.OK, Status.SKIP), Status.OK),
        ((Status.OK, Status.WARN, Status.SKIP), Status.WARN),
        ((Status.FAIL, Status.WARN, Status.OK), Status.FAIL),
    ],
)
def test_the_status_of_a_whole_is_its_worst_part(statuses: tuple[Status, ...], expected: Status) -> None:
    assert worst(statuses) is expected
    assert record_of(*(check(status, str(number)) for number, status in enumerate(statuses))).status is expected


def test_a_status_written_into_the_file_does_not_count(run: Run) -> None:
    run.save(record_of(check(Status.FAIL)))
    path = run.record_path("detect")
    path.write_text(path.read_text(encoding="utf-8").replace('"status": "fail"\n}', '"status": "ok"\n}'), "utf-8")
    assert json.loads(path.read_text(encoding="utf-8"))["status"] == "ok"
    assert run.read("detect", Weather).status is Status.FAIL


@pytest.mark.parametrize("name", ["run.json", "01_detect.json"])
@pytest.mark.parametrize("damage", ["version", "cut", "unknown field"])
def test_what_is_no_record_of_this_schema_is_refused(run: Run, name: str, damage: str) -> None:
    run.save(record_of())
    path = run.folder / name
    text = path.read_text(encoding="utf-8")
    damaged = {
        "version": text.replace('"schema_version": 2', '"schema_version": 3'),
        "cut": text[: len(text) // 2],
        "unknown field": text.replace('"schema_version": 2', '"schema_version": 2, "colour": "red"'),
    }
    path.write_text(damaged[damage], encoding="utf-8")
    with pytest.raises(RecordError) as caught:
        run.header() if name == "run.json" else run.read("detect", Weather)
    assert caught.value.what == f"{path} is not a record of schema version 2."
    assert caught.value.why
    assert caught.value.exit_code == 2


def test_a_missing_record_names_the_notebook_that_makes_it(run: Run) -> None:
    with pytest.raises(RecordError) as caught:
        run.read("verify", Weather)
    assert "notebooks/04_verify.ipynb" in caught.value.remedy


def test_a_folder_without_header_is_no_run(tmp_path: Path) -> None:
    assert not Run(tmp_path).exists
    with pytest.raises(RecordError, match="cannot be read"):
        Run(tmp_path).header()


def test_require_is_quiet_without_failures() -> None:
    record_of(check(Status.OK), check(Status.WARN, "sea"), check(Status.SKIP, "sun")).require()


def test_require_names_the_first_failure_its_evidence_and_what_fixes_it() -> None:
    first = check(Status.FAIL, "sea", remedy="Go home.", fixed_by=FixedBy.DOWNLOAD)
    with pytest.raises(StageFailed) as caught:
        record_of(check(Status.OK), first, check(Status.FAIL, "sun")).require()
    assert caught.value.lines() == [
        "Stage detect: check sea failed and 1 more: the sky is up.",
        "why: blue",
        "what to do: Go home. See notebooks/03_download.ipynb.",
    ]


def test_a_passed_check_carries_no_remedy() -> None:
    advice: dict[str, Any] = {"remedy": "do", "quirk": "q", "fixed_by": FixedBy.REPAIR}
    passed = Check.judged("a", "t", True, "seen", **advice)
    failed = Check.judged("a", "t", False, "seen", **advice)
    warned = Check.judged("a", "t", False, "seen", otherwise=Status.WARN, **advice)
    assert (passed.status, passed.remedy, passed.quirk, passed.fixed_by) == (Status.OK, "", "", "")
    assert (failed.status, failed.remedy, failed.quirk, failed.fixed_by) == (Status.FAIL, "do", "q", FixedBy.REPAIR)
    assert warned.status is Status.WARN


def test_the_check_table_shows_first_what_needs_a_hand() -> None:
    record = record_of(check(Status.OK, "a"), check(Status.WARN, "b", remedy="look"), check(Status.FAIL, "c"))
    assert [row[0] for row in record.check_table().rows] == ["warn", "fail", "ok"]
    assert record.check_table().columns[-2:] == ("what to do", "fixed by")
    assert "what to do" not in record_of(check(Status.OK)).check_table().columns


def test_the_summary_counts() -> None:
    text = str(record_of(check(Status.OK, "a"), check(Status.OK, "b"), check(Status.WARN, "c")))
    assert "Stage detect: warn" in text
    assert "1 warn, 2 ok; 0 changes; took 1.50 s" in text


def test_an_artifact_stands_in_the_run_folder_and_pictures_can_be_shown(run: Run) -> None:
    chart = run.add_artifact("disk.png", b"\x89PNG", "Chart", "a bar")
    notes = run.add_artifact("document.md", b"# T", "Markdown")
    record = record_of(artifacts=(chart, notes))
    (figure,) = run.pictures(record)
    assert (figure.title, figure.png, figure.alternative) == ("Chart", b"\x89PNG", "a bar")
    assert run.text("document.md") == "# T"


def test_a_header_that_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {}, {})
    before = (run.folder / "run.json").read_bytes()
    with pytest.raises(ValidationError):
        run.update(state="finshed")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        run.update(problm="x")  # type: ignore[call-arg]
    assert (run.folder / "run.json").read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="names that Linux refuses")
@pytest.mark.parametrize(
    "name", ["/proc/x", "/sys/kernel/x", "/sys", "/dev/pts/x", "/dev/null/x", "/dev/fd/x", "a" * 300, "a/" + "b" * 300]
)
def test_a_place_where_no_folder_can_be_is_wrong_usage(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a run folder") as caught:
        Run.create(tmp_path / name, {}, {})
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC])
def test_a_place_that_a_person_can_make_writable_is_no_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(_path: Path, _content: bytes) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(atomic, "write_bytes", refuse)
    with pytest.raises(DiskError, match="The run folder cannot be written") as caught:
        Run.create(tmp_path / "run", {}, {})
    assert caught.value.exit_code == 74
