"""Which runs are kept, and why: a table of made runs, and folders that really go."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.core.keep_rules import KeepRules
from runbook_lib.errors import UsageError
from runbook_lib.history.index import read_history
from runbook_lib.history.prune import prune_runs
from runbook_lib.history.retention import RunFolder, decide
from runbook_lib.run.folder import RunState
from runbook_lib.run.life import Life
from runbook_lib.run.run_lock import hold_run
from tests.unit.history.run_folders import NOON, MakeRun


def runs(*described: tuple[float, str]) -> list[RunFolder]:
    """Make runs from their age in days and a word."""
    return [
        RunFolder(
            Path(f"{word}-{age}"),
            NOON - timedelta(days=age),
            Life.LIVING if word == "living" else Life.ENDED,
            worked=word == "good",
            ended_well=word in ("good", "living", "partial"),
        )
        for age, word in described
    ]


def reasons(made: Sequence[RunFolder], rules: str) -> dict[str, str]:
    parsed = KeepRules.parse(rules)
    assert parsed is not None
    return {one.run.folder.name: one.reason if one.keep else "goes" for one in decide(made, parsed, NOON)}


@pytest.mark.parametrize(
    ("rules", "described", "expected"),
    [
        (
            "runs=2",
            [(1, "good"), (2, "good"), (3, "good")],
            {"good-1": "the newest", "good-2": "among the newest 2", "good-3": "goes"},
        ),
        (
            "days=7",
            [(1, "good"), (6.9, "good"), (7, "good"), (20, "failed"), (21, "failed")],
            {
                "good-1": "the newest",
                "good-6.9": "younger than 7 days",
                "good-7": "goes",
                "failed-20": "it failed, and is younger than 21 days",
                "failed-21": "goes",
            },
        ),
        (
            "days=7, failed-days=2",
            [(1, "good"), (6, "failed"), (8, "failed")],
            {"good-1": "the newest", "failed-6": "it failed, and is younger than 7 days", "failed-8": "goes"},
        ),
        (
            "runs=1",
            [(1, "failed"), (2, "failed"), (3, "good"), (4, "good"), (50, "living")],
            {
                "failed-1": "the newest",
                "failed-2": "goes",
                "good-3": "the newest that worked",
                "good-4": "goes",
                "living-50": "it is going on",
            },
        ),
        (
            "runs=1",
            [(-3, "good"), (-2, "good"), (0, "good")],
            {"good--3": "the newest", "good--2": "it lies ahead of this clock", "good-0": "goes"},
        ),
        ("days=1", [(400, "partial")], {"partial-400": "the newest"}),
    ],
)
def test_every_run_has_a_reason(rules: str, described: list[tuple[float, str]], expected: dict[str, str]) -> None:
    assert reasons(runs(*described), rules) == expected


@pytest.mark.parametrize(
    "text", ["runs=0", "days=-1", "runs=", "runs", "days=x", "runs=1, runs=2", "failed-days=3", "months=2", "days=²"]
)
def test_rules_that_keep_nothing_or_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as"):
        KeepRules.parse(text)


@pytest.mark.parametrize("text", ["", " ", ","])
def test_no_rule_keeps_everything(text: str) -> None:
    assert KeepRules.parse(text) is None


def test_rules_are_written_as_they_are_read() -> None:
    rules = KeepRules.parse(" days = 7 ,runs=3 ")
    assert str(rules) == "runs=3, days=7, failed-days=21"
    assert KeepRules.parse(str(rules)) == rules


def test_pruning_without_a_rule_removes_nothing_and_says_so(home: Path, make_run: MakeRun) -> None:
    make_run()
    with pytest.raises(UsageError, match="nothing was removed"):
        prune_runs(home, None)
    assert len(list(home.iterdir())) == 1


def test_folders_go_and_the_history_remembers_them(home: Path, make_run: MakeRun) -> None:
    old, newer, newest = make_run(30), make_run(20, state=RunState.FAILED, convert="fail"), make_run(10)
    (home / "not a run").mkdir()
    rules = KeepRules.parse("runs=1")
    assert [run.run for run in prune_runs(home, rules, dry_run=True).gone] == [newer.folder.name, old.folder.name]
    assert old.folder.is_dir()
    pruned = prune_runs(home, rules)
    assert sorted(path.name for path in home.iterdir() if not path.name.startswith(".")) == sorted(
        [newest.folder.name, "history.jsonl", "not a run"]
    )
    assert all(run.size_bytes > 0 for run in pruned.gone)
    assert "2 of 3 run folders gone" in str(pruned)
    assert [entry.has_folder for entry in read_history(home).entries] == [False, False, True]


def test_a_living_run_stays_however_old_it_is(home: Path, make_run: MakeRun) -> None:
    old = make_run(300, state=RunState.RUNNING)
    make_run(1)
    with hold_run(old.folder):
        (living,) = [run for run in prune_runs(home, KeepRules.parse("runs=1")).runs if run.run == old.folder.name]
    assert (living.kept, living.reason) == (True, "it is going on")
    assert old.folder.is_dir()


def test_what_a_killed_pruning_put_aside_goes_with_the_next(home: Path, make_run: MakeRun) -> None:
    make_run(1)
    aside = home / ".x.12345678.going"
    aside.mkdir()
    (aside / "left").touch()
    prune_runs(home, KeepRules.parse("runs=1"))
    assert not aside.exists()
