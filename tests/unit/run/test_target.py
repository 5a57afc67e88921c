"""Looking a target up does nothing; entering it is said, and ends where it can."""

import os
import threading
from pathlib import Path

import httpx
import pytest

from runbook_lib.run.settings import Settings
from runbook_lib.run.target import entered_target, resolve_target

TOKEN = "a token of their own"


@pytest.fixture(autouse=True)
def own_home(in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(in_tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(in_tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)


@pytest.mark.parametrize("drill", ["", "stale-token"])
def test_a_look_up_starts_nothing_sets_nothing_and_makes_no_folder(in_tmp_path: Path, drill: str) -> None:
    before, threads = dict(os.environ), threading.active_count()
    target = resolve_target(Settings(hub="practice", drill=drill))
    assert (target.endpoint, target.practice) == ("", True)
    assert dict(os.environ) == before
    assert threading.active_count() == threads
    assert list(in_tmp_path.iterdir()) == []


def test_an_entered_target_has_a_hub_that_answers() -> None:
    with entered_target(resolve_target(Settings(hub="practice"))) as target:
        assert httpx.get(target.endpoint).status_code == 200


def test_the_variables_of_a_drill_are_put_back_at_the_end() -> None:
    with entered_target(resolve_target(Settings(hub="practice", drill="stale-token"))):
        assert "HF_TOKEN" not in os.environ
    assert os.environ["HF_TOKEN"] == TOKEN


def test_a_real_hub_is_looked_up_and_entering_it_changes_nothing() -> None:
    target = resolve_target(Settings(hub="https://hub.example.org"))
    before = dict(os.environ)
    with entered_target(target) as entered:
        assert entered == target
        assert dict(os.environ) == before
