"""The history as it is read: gaps, comparison, names."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runbook_lib.errors import RecordError, UsageError
from runbook_lib.history.compare import compare
from runbook_lib.history.gaps import gaps, span
from runbook_lib.history.index import History, read_history
from runbook_lib.history.listing import RunList, Selection, ShownRun
from runbook_lib.history.naming import moment_named, run_named
from runbook_lib.run.folder import RunState
from tests.unit.history.run_folders import FACTS, NOON, MakeRun, rewrite


def nights(*days_ago: float) -> list[datetime]:
    return [NOON - timedelta(days=days) for days in days_ago]


def test_a_run_missed_is_found_by_the_rhythm_of_the_others() -> None:
    found = gaps(nights(14, 13, 12, 11, 3, 2, 1), NOON)
    assert [(gap.words, gap.is_open) for gap in found] == [("none for 8 days, about 7 missed", False)]
    found = gaps(nights(18, 17, 16, 15, 8), NOON)
    assert [gap.words for gap in found] == ["none for 7 days, about 6 missed", "none for 8 days, about 7 missed"]
    assert [gap.is_open for gap in found] == [False, True]


@pytest.mark.parametrize("days", [(), (1,), (9, 1), (1.4, 0.7, 0.1, 0.0), (3, 2, 1, -0.5)])
def test_without_a_rhythm_or_without_a_gap_nothing_is_missing(days: tuple[float, ...]) -> None:
    assert gaps(nights(*days), NOON) == ()


@pytest.mark.parametrize(
    ("hours", "words"), [(50, "2 days"), (47, "47 hours"), (1.5, "90 minutes"), (1 / 60, "1 minute"), (0, "0 minutes")]
)
def test_a_stretch_of_time_is_said_in_one_unit(hours: float, words: str) -> None:
    assert span(timedelta(hours=hours)) == words


@pytest.mark.parametrize(
    ("state", "problem", "outcome"),
    [
        (RunState.INTERRUPTED, "interrupted by SIGTERM", "interrupted by SIGTERM"),
        (RunState.INTERRUPTED, "no luck", "interrupted: no luck"),
        (RunState.FAILED, "no luck", "failed: no luck"),
    ],
)
def test_how_a_run_ended_is_said_once(
    home: Path, make_run: MakeRun, state: RunState, problem: str, outcome: str
) -> None:
    make_run(state=state, problem=problem)
    assert read_history(home).entries[0].outcome == outcome


def test_what_changed_is_said_with_its_kind(home: Path, make_run: MakeRun) -> None:
    before = make_run(1)
    detect = {**FACTS["detect"], "interpreter": {"version": "3.11.7", "packages": {"docling": "2.150.0"}}}
    download = {"models": [{"model": {"repo_id": "a/b", "revision": "main"}, "listing": {"commit": "d" * 40}}]}
    after = make_run(
        0, facts={"detect": detect, "download": download}, convert="fail", state=RunState.FAILED, problem="no luck"
    )
    entries = read_history(home).entries
    difference = compare(*entries)
    assert (difference.before, difference.after) == (before.folder.name, after.folder.name)
    assert [(change.kind, change.name, change.before, change.after) for change in difference.changes] == [
        ("version", "docling", "2.143.0", "2.150.0"),
        ("revision", "a/b@main", "c" * 12, "d" * 12),
        ("check", "convert: convert holds", "ok", "fail: seen"),
        ("size", "fetched", "1.0 MB", "0 bytes"),
        ("outcome", "run", "a document converts", "failed: no luck"),
    ]
    assert compare(entries[0], entries[0]).changes == ()
    assert "nothing that is kept in mind" in str(compare(entries[0], entries[0]))


def test_a_stage_that_did_not_run_lost_no_checks(home: Path, make_run: MakeRun) -> None:
    make_run(1)
    run = make_run(0)
    for record in ("02_configure_env.json", "03_download.json", "06_measure_disk.json"):
        (run.folder / record).unlink()
    assert [change.kind for change in compare(*read_history(home).entries).changes] == []


def test_the_last_good_run_is_one_of_the_same_machine_and_use(home: Path, make_run: MakeRun) -> None:
    make_run(5)
    rewrite(make_run(4), host="another")
    rewrite(make_run(3), practice=True)
    make_run(2, convert="fail", state=RunState.FAILED)
    make_run(1, convert="fail", state=RunState.FAILED)
    history = read_history(home)
    assert run_named(history, "last-good") == history.entries[0]
    assert run_named(history, "last") == history.entries[-1]


def test_a_run_is_named_by_the_beginning_of_its_name_or_its_folder(home: Path, make_run: MakeRun) -> None:
    first, second = make_run(1), make_run(0)
    history = read_history(home)
    assert run_named(history, second.folder.name[:8]).id == second.folder.name
    assert run_named(history, str(first.folder)).id == first.folder.name
    with pytest.raises(RecordError, match="matches 2 runs"):
        run_named(history, "2026")
    with pytest.raises(RecordError, match="No run 'x' is known"):
        run_named(history, "x")
    with pytest.raises(RecordError, match="There is no known run that worked before"):
        run_named(History(home, history.entries[:1]), "last-good")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3d", NOON - timedelta(days=3)),
        ("12h", NOON - timedelta(hours=12)),
        ("2026-01-31", datetime.fromisoformat("2026-01-31T00:00:00+00:00")),
        ("2026-01-31T10:00+02:00", datetime.fromisoformat("2026-01-31T08:00:00+00:00")),
    ],
)
def test_a_point_in_time_is_ago_or_a_date(text: str, expected: datetime) -> None:
    assert moment_named(text, NOON) == expected


def test_another_point_in_time_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="not a point in time"):
        moment_named("yesterday", NOON)


def test_the_list_says_what_is_missing_and_when_it_last_worked(home: Path, make_run: MakeRun) -> None:
    for days in (13, 12, 11, 10):
        make_run(days)
    make_run(9, state=RunState.FAILED, problem="no luck", convert="fail")
    listed = RunList(read_history(home), Selection(), NOON)
    text = str(listed)
    assert "the last run began 9 days ago: failed: no luck" in text
    assert "it last worked at 2026-02-19 12:00 UTC" in text
    assert "a run is missing: none for 9 days, about 8 missed" in text
    assert listed.age_h() == 9 * 24
    assert [run.state for run in RunList(read_history(home), Selection(failed=True), NOON).runs] == ["failed"]
    since = Selection(since=NOON - timedelta(days=11.5), limit=2)
    assert len(RunList(read_history(home), since, NOON).runs) == 2


def test_one_run_shows_what_it_worked_with_and_what_needed_a_hand(home: Path, make_run: MakeRun) -> None:
    make_run(convert="fail", state=RunState.FAILED)
    text = str(ShownRun(read_history(home).entries[0]))
    for words in ("docling", "2.143.0", "HF_HUB_CACHE", "a/b@main", "convert holds", "seen", "1.0 MB"):
        assert words in text
