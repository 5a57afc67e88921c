"""Which run, hub, cache and artifacts folder a command works on: told in one line, taken from nobody else's run."""

import os
from pathlib import Path

import pytest

from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.opening import open_run
from runbook_lib.stages.download.stage import download
from tests.command_line import Ended

REPO = "practice/tiny"
REAL = ("-p", "models", REPO, "-p", "offline", "true")

pytestmark = pytest.mark.usefixtures("in_tmp_path")


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "real" / "hub"))
    monkeypatch.setenv("DOCLING_ARTIFACTS_PATH", str(tmp_path / "real" / "artifacts"))


@pytest.fixture
def practice_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The newest run: practice, with its model in place."""
    files = (RepositoryFile("model.safetensors", Content.of_bytes(b"weights"), lfs=True),)
    places = {"cache_dir": str(tmp_path / "own" / "hub"), "artifacts_dir": str(tmp_path / "own" / "artifacts")}
    with PracticeHub(repositories=[linear_history(REPO, files)]) as hub:
        run = open_run(new=True, hub=hub.url, models=REPO, **places)
        assert download(run).failed() == ()
    for name in ("HF_ENDPOINT", "HF_HUB_DISABLE_XET"):
        monkeypatch.delenv(name, raising=False)
    return run.folder


COMMANDS = [
    ("lock",),
    ("lock", "--check"),
    ("verify",),
    ("repair", "--dry-run"),
    ("dedupe", "--dry-run"),
    ("doctor", "--only", "free-space"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_command_says_where_it_works_and_takes_it_from_the_settings(
    ended: Ended, practice_run: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    runs = sorted(path.name for path in (tmp_path / "runs").iterdir())
    _code, out, err = ended(*words, *REAL)
    real = tmp_path / "real"
    places = f"cache {real / 'hub'}; artifacts {real / 'artifacts'}"
    first = err.splitlines()[0]
    assert first == f"no run folder; hub https://huggingface.co, not asked: offline; {places}"
    assert str(tmp_path / "own") not in out + err
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == runs


@pytest.mark.parametrize("words", [("lock",), ("verify",), ("repair", "--dry-run")], ids=" ".join)
def test_a_named_run_is_taken_and_practice_is_said_first(
    ended: Ended, practice_run: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    code, out, err = ended(*words, "--run-dir", str(practice_run), "-p", "offline", "true")
    assert code == 0, out + err
    assert err.startswith(f"practice, random weights; run folder: {practice_run}; hub http://127.0.0.1:")
    assert f"cache {tmp_path / 'own' / 'hub'}" in err


@pytest.mark.parametrize("words", [("lock",), ("lock", "--check"), ("verify",), ("repair",)], ids=" ".join)
def test_a_run_folder_with_a_typo_is_an_error(ended: Ended, tmp_path: Path, words: tuple[str, ...]) -> None:
    code, out, err = ended(*words, "--run-dir", "typo")
    assert (code, out) == (2, "")
    assert "There is no run in" in err
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing is read of what is there


def test_nothing_is_locked_that_stands_in_a_run_of_practice_alone(ended: Ended, practice_run: Path) -> None:
    code, _out, err = ended("lock", *REAL)
    assert code == 1
    assert "The lock file was not written" in err
    assert not Path("runbook.lock.json").exists()


def test_verify_tells_what_is_missing(ended: Ended, practice_run: Path) -> None:
    code, out, _err = ended("verify", *REAL)
    assert code == 1
    assert "Stage verify: fail" in out
    assert "never downloaded here" in out
