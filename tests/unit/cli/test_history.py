"""`runbook history`, `show`, `diff`, `prune-runs` as commands."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_lib.run.check import Check, Status
from runbook_lib.run.folder import Run, RunState
from runbook_lib.run.record import RawFacts, StageRecord
from tests.command_line import Ended

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def make(name: str, *, hours_ago: float, status: str = "ok", docling: str = "2.143.0") -> None:
    began_at = datetime.now(UTC) - timedelta(hours=hours_ago)
    run = Run.create(Path("runs", name), {}, {})
    facts = RawFacts(interpreter={"version": "3.11", "packages": {"docling": docling}})
    check = Check(id="converted", title="converts", status=Status(status), evidence="seen")
    for stage, checks in (("detect", ()), ("convert", (check,))):
        run.save(StageRecord[RawFacts](stage=stage, started_at=began_at, elapsed_s=1, facts=facts, checks=checks))
    run.update(state=RunState.FAILED if status == "fail" else RunState.FINISHED)
    header = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    header["created_at"] = began_at.isoformat()
    (run.folder / "run.json").write_text(json.dumps(header), encoding="utf-8")


def test_what_changed_since_it_last_worked_is_one_command(ended: Ended) -> None:
    make("good", hours_ago=30)
    make("bad", hours_ago=2, status="fail", docling="2.150.0")
    code, out, err = ended("diff")
    assert (code, err) == (0, "")
    assert ["version", "docling", "2.143.0", "2.150.0"] in [line.split() for line in out.splitlines()]
    assert "fail: seen" in out
    code, out, _ = ended("diff", "good", "good", "--json")
    assert json.loads(out) == {"before": "good", "after": "good", "changes": []}


def test_the_history_is_listed_and_watched(ended: Ended) -> None:
    make("good", hours_ago=30)
    make("bad", hours_ago=27, status="fail")
    code, out, _ = ended("history", "--failed", "--within", "28")
    assert (code, "bad" in out) == (0, True)
    assert "\nok" not in out
    code, out, _ = ended("history", "--within", "26", "--json")
    document = json.loads(out)
    assert code == 1
    assert [run["id"] for run in document["runs"]] == ["bad", "good"]
    assert round(document["hours_since_last"]) == 27
    assert not Path("runs", "history.jsonl").exists(), "looking writes nothing"


def test_lines_that_cannot_be_read_are_told_also_where_no_run_is_known(ended: Ended) -> None:
    Path("runs").mkdir()
    Path("runs", "history.jsonl").write_text('{"torn\n', encoding="utf-8")
    out = ended("history")[1]
    assert "1 lines of the history say nothing" in out
    assert "no run is known" in out


def test_no_run_at_all_is_no_error_for_a_list_and_one_for_a_run(ended: Ended) -> None:
    assert ended("history")[0] == 0
    assert ended("history", "--within", "26")[0] == 1
    code, _, err = ended("show")
    assert code == 2
    assert "No run is known in" in err
    assert list(Path().iterdir()) == []


def test_runs_are_pruned_by_the_setting_or_the_option(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, hours_ago in (("a", 30.0), ("b", 20.0), ("c", 10.0)):
        make(name, hours_ago=hours_ago)
    code, _, err = ended("prune-runs")
    assert code == 2
    assert "nothing was removed" in err
    code, out, _ = ended("prune-runs", "--keep", "runs=2", "--dry-run", "--json")
    assert [run["run"] for run in json.loads(out)["runs"] if not run["kept"]] == ["a"]
    assert Path("runs", "a").is_dir()
    Path("runbook.toml").write_text('keep = "runs=2"', encoding="utf-8")
    code, out, _ = ended("prune-runs")
    assert code == 0
    assert [Path("runs", name).is_dir() for name in "abc"] == [False, True, True]
    assert "a (folder gone)" not in out
    assert "(folder gone)" in ended("history")[1]
    assert "gone; this is what the history kept" in ended("show", "a")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("history", "--since", "yesterday"), "not a point in time"),
        (("diff", "a", "b", "c"), "No more than two runs"),
        (("show", "nowhere"), "No run 'nowhere'"),
        (("prune-runs", "--keep", "runs=0"), "would keep nothing"),
        (("prune-runs", "--keep", "runs=1", "--runs", "nowhere"), "no folder of runs"),
    ],
)
def test_wrong_words_end_with_2_and_leave_nothing(ended: Ended, words: tuple[str, ...], said: str) -> None:
    code, out, err = ended(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert list(Path().iterdir()) == []
