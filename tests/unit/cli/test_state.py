"""`runbook state` and `runbook converge` as commands."""

import json
from pathlib import Path

import pytest

from runbook_lib.errors import ExitCode
from tests.command_line import Ended
from tests.unit.stages.verify.real_caches import REPO_ID, Install

pytestmark = [pytest.mark.client, pytest.mark.usefixtures("in_tmp_path")]


def on(home: Path) -> list[str]:
    return ["--practice", "-p", "cache_dir", str(home / "hub"), "-p", "artifacts_dir", str(home / "artifacts")]


def test_detect_plan_converge_and_detect_again(install: Install, ended: Ended, tmp_path: Path) -> None:
    peer, here = install("hardlink").run.cache_dir.parent, on(tmp_path / "here")
    assert ended("lock", "-p", "models", REPO_ID, *on(peer))[0] == ExitCode.OK
    assert ended("state", *on(peer))[0] == ExitCode.OK
    code, out, _err = ended("state", "--json", *here)
    assert (code, json.loads(out)["state"]) == (ExitCode.DRIFTED, "drifted")
    code, out, _err = ended("converge", "--dry-run", "--json", *here)
    assert (code, [step["does"] for step in json.loads(out)["steps"]]) == (ExitCode.OK, ["fetch"])
    assert not (tmp_path / "here").exists()
    code, out, err = ended("converge", "--json", "--from", str(peer / "hub"), *here)
    assert (code, json.loads(out)["after"]["state"]) == (ExitCode.OK, "in state")
    assert "cache of a peer" in err
    assert ended("state", *here)[0] == ExitCode.OK
    code, out, _err = ended("converge", *here)
    assert code == ExitCode.OK
    assert "Nothing had to be done" in out
    assert not (tmp_path / "runs").exists()


def test_without_a_lock_file_the_question_is_not_answered(ended: Ended) -> None:
    code, out, _err = ended("state", "--json")
    assert code == ExitCode.USAGE
    assert json.loads(out)["error"]["id"] == "record"
