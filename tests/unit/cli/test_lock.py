"""`runbook lock` as a command: written, held against this machine, and against the Hub."""

import json
from pathlib import Path

import pytest

from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from runbook_lib.stages.download.stage import download
from tests.command_line import Ended
from tests.unit.stages.verify.real_caches import REPO_ID, open_installed

pytestmark = [pytest.mark.client, pytest.mark.usefixtures("in_tmp_path")]


def test_a_hub_that_moved_on_is_told_and_is_no_failure(ended: Ended, tmp_path: Path) -> None:
    with PracticeHub(head="first") as hub:
        run = open_installed(tmp_path, hub, "copy")
        assert download(run).status is Status.OK
        settings = {"hub": hub.url, "models": REPO_ID, "cache_dir": run.cache_dir, "artifacts_dir": run.artifacts_dir}
        words = [str(word) for name, value in settings.items() for word in ("-p", name, value)]
        code, out, _err = ended("lock", *words)
        assert (code, out.strip()) == (0, "Practice. runbook.lock.json: 1 repositories")
        written = Path("runbook.lock.json").read_bytes()
        hub.move_head("second")
        code, out, _err = ended("lock", "--drift", *words)
        assert code == 0
        assert "README.md" in out
        (drift,) = json.loads(ended("lock", "--drift", "--json", *words)[1])["repositories"]
        assert drift["changed"] == ["README.md"]
        assert ended("lock", "--check", *words)[0] == 0
    assert Path("runbook.lock.json").read_bytes() == written


def test_two_questions_at_once_are_refused(ended: Ended) -> None:
    code, _out, err = ended("lock", "--drift", "--check")
    assert code == 2
    assert "cannot be combined" in err
