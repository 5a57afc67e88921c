"""What leads on from a failure: commands that can be pasted as they stand."""

from pathlib import Path

import pytest

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.headless.way_on import Stopped, way_on
from runbook_lib.render.shells import Shell

RUN = Path("runs/one")
RESUME = f"runbook run --run-dir {RUN} --resume"


def lines(
    remedy: str, *asked: tuple[str, str], fixed_by: FixedBy = FixedBy.NOTHING, folder: Path = RUN
) -> dict[str, str]:
    steps = way_on(Stopped(folder, asked, remedy, fixed_by))
    assert len({step.label for step in steps}) == len(steps)
    return {step.label: step.command.text(Shell.SH) for step in steps}


def test_without_a_setting_the_run_goes_on() -> None:
    assert lines("Run again: what arrived whole is kept.") == {"go on after fixing": RESUME}


def test_repair_comes_first() -> None:
    assert lines("Run runbook repair.", fixed_by=FixedBy.REPAIR) == {
        "fix it": f"runbook repair --run-dir {RUN}",
        "go on after fixing": RESUME,
    }


def test_what_all_stages_share_replaces_what_was_asked_for_in_a_new_run() -> None:
    asked = (("hub", "https://hub.example.org"), ("links", "symlink"))
    assert lines("Run again with -p links auto, which takes the best kind.", *asked) == {
        "go on with another setting": "runbook run -p hub https://hub.example.org -p links auto",
        "or, fixed in another way": RESUME,
    }


def test_any_other_setting_goes_on_with_the_run() -> None:
    told = lines("Run stage download once with a network (-p offline false), or copy a cache.", ("offline", "true"))
    assert told["go on with another setting"] == f"{RESUME} -p offline false"


def test_a_setting_with_a_value_comes_before_one_to_be_filled_in_and_what_is_so_already_is_left_out() -> None:
    remedy = "Use a mirror with -p hub URL, or a filled cache with -p offline true; -p links copy does not help."
    assert lines(remedy, ("links", "copy")) == {
        "go on with another setting": f"{RESUME} -p offline true",
        "or with another setting": "runbook run -p links copy -p hub URL",
        "or, fixed in another way": RESUME,
    }


def test_a_variable_stands_in_the_command() -> None:
    told = lines("Remove the file /t (hf auth login), or set HF_HUB_DISABLE_IMPLICIT_TOKEN=1; go on.")
    assert told["go on with this variable"] == f"HF_HUB_DISABLE_IMPLICIT_TOKEN=1 {RESUME}"


def test_what_is_no_setting_is_none() -> None:
    assert lines("Check repository and revision in -p models; or -p nonsense 1.") == {"go on after fixing": RESUME}


def test_on_the_machine_of_a_drill_nothing_is_left_to_be_filled_in() -> None:
    asked = (("hub", "practice"), ("drill", "block-page"))
    told = lines("Name a hub that answers with -p hub URL: a mirror.", *asked)
    assert told["in a second terminal"] == "runbook hub --port 8471"
    assert told["go on with another setting"] == "runbook run -p drill block-page -p hub http://127.0.0.1:8471"
    assert "or with another setting" not in lines("Use -p hub URL, or -p offline true.", ("drill", "stalled-hub"))


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        (Shell.SH, f"'{RUN} (it'\"'\"'s)'"),
        (Shell.POWERSHELL, f"'{RUN} (it''s)'"),
        (Shell.CMD, f'"{RUN} (it\'s)"'),
    ],
)
def test_a_folder_is_quoted_for_the_shell(shell: Shell, line: str) -> None:
    (step,) = way_on(Stopped(Path(f"{RUN} (it's)"), (), ""))
    assert step.command.text(shell) == f"runbook run --run-dir {line} --resume"
