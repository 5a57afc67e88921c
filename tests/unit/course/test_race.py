"""The race, played by the interpreter of the tests in a process of its own."""

import os
import re
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from runbook_lib.course.race import Race, play_race
from runbook_lib.quirks.hub_versions import RACE_FIXED_IN
from runbook_lib.run.opening import open_run

pytestmark = pytest.mark.xdist_group("race")
TRIES = 10


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Race:
    return play_race(open_run(run_dir=str(tmp_path_factory.mktemp("race") / "run"), hub="practice"), tries=TRIES)


def test_the_old_order_loses_and_the_new_order_does_not(played: Race) -> None:
    assert played.lost["before"] > 0
    assert played.lost["after"] == 0


def test_the_installed_client_is_played_with_its_own_functions(played: Race) -> None:
    assert Version(played.hub_version) >= RACE_FIXED_IN
    assert played.lost["installed"] == 0
    assert f"the installed huggingface_hub {played.hub_version}, its own functions" in str(played)


def test_slow_motion_shows_the_answer_that_came_too_early(played: Race) -> None:
    assert played.story["before"] == (
        "thread 1 notes: links work",
        "thread 1 begins its trial",
        "thread 2 reads the note: links work",
        "thread 2 makes its link",
        "thread 2 is refused and dies: A required privilege is not held by the client",
        "thread 1 ends its trial and notes: links do not work",
        "thread 1 moves its file: done",
    )
    assert played.story["after"][-1] == "thread 1 moves its file: done"
    assert not any("dies" in event for event in played.story["after"])


def test_it_says_what_is_simulated(played: Race) -> None:
    told = str(played)
    assert re.search(
        rf"a simulation of huggingface_hub 1.32 and before +{played.lost['before']} of {TRIES} tries", told
    )
    assert "The last row is not a simulation" in told
    without = played.model_copy(update={"lost": {"before": 1, "after": 0}, "hub_version": ""})
    assert "only simulations ran" in str(without)
    assert "no simulation" not in str(without)


def test_symlinks_still_work_in_this_process(played: Race, tmp_path: Path) -> None:
    assert os.symlink.__module__ in {"posix", "nt"}
    assert "symlink_race" not in sys.modules
