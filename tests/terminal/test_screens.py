"""What stands on a terminal of 80 columns, of 200, and in a pipe."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runbook_lib.render.text import to_text
from tests.terminal.conftest import Terminal
from tests.terminal.shown import SHOWN

WIDTHS = (80, 200)
SHOWN_SCRIPT = str(Path(__file__).with_name("shown.py"))
RUNBOOK = ("-m", "runbook_lib")

pytestmark = pytest.mark.client

AT_80 = """\
Stage verify: fail
------------------
1 fail, 1 warn, 1 ok; 0 changes; took 1.50 s

Checks
------
fail  every file is intact
  evidence: model.safetensors differs from what the Hub published: 171 MB on
    disk, 171 MB published, another hash
  known as: cache-corrupt
  what to do: Move the file aside and fetch it again.
  fixed by: runbook repair
warn  every content stands on disk once
  evidence: 54.6 MB, 27.2 MB with hard links

Next
----
go on after fixing:
  runbook run --run-dir /srv/models/runs/20261127T144732.147184Z-some-machine --
resume"""
"""The terminal itself wraps a command that is longer than a line; copied from there it is whole."""


def test_at_80_columns_a_table_that_does_not_fit_is_a_list_and_a_command_stays_whole(terminal: Terminal) -> None:
    shown = terminal(SHOWN_SCRIPT, columns=80)
    assert (shown.exit_code, shown.text) == (0, AT_80)


def test_at_200_columns_it_is_a_table(terminal: Terminal) -> None:
    lines = terminal(SHOWN_SCRIPT, columns=200).lines
    heads = lines[6]
    assert heads.split("  ")[0] == "status"
    assert [heads.index(name) for name in ("check", "evidence", "known as", "what to do", "fixed by")] == [
        lines[7].index(words)
        for words in ("every file", "model.safe", "cache-corrupt", "Move the file", "runbook repair")
    ]
    assert lines[8] == " " * heads.index("evidence") + "published, another hash"
    assert lines[-1] == (
        "go on after fixing: runbook run --run-dir /srv/models/runs/20261127T144732.147184Z-some-machine --resume"
    )


def test_a_pipe_gets_the_same_plain_text_whatever_the_width() -> None:
    texts = {
        subprocess.run(
            [sys.executable, SHOWN_SCRIPT],
            env={**os.environ, "COLUMNS": str(columns), "FORCE_COLOR": "1"},
            capture_output=True,
            check=True,
            encoding="utf-8",
        ).stdout
        for columns in (40, 200)
    }
    assert texts == {to_text(SHOWN.sections()) + "\n"}
    assert texts.pop().isascii()


def test_a_status_has_its_colour_and_no_color_and_dumb_terminals_have_none(terminal: Terminal) -> None:
    shown = terminal(SHOWN_SCRIPT, columns=80)
    assert (shown.colour_of("fail  every"), shown.colour_of("warn  every")) == ("red", "brown")
    assert terminal(SHOWN_SCRIPT, columns=80, NO_COLOR="1").colour_of("fail  every") == "default"
    dumb = terminal(SHOWN_SCRIPT, columns=80, kind="dumb")
    assert "\x1b" not in dumb.sent
    assert dumb.text == AT_80


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize(
    "words",
    [("drills",), ("quirks",), ("quirks", "quirk-001"), ("doctor", "--practice", "-v"), ("audit", "missing")],
    ids=" ".join,
)
def test_no_line_of_a_command_is_wider_than_the_terminal(
    terminal: Terminal, columns: int, words: tuple[str, ...]
) -> None:
    """What is sent is looked at: on the screen the terminal has cut the lines already."""
    shown = terminal(*RUNBOOK, *words, columns=columns, kind="dumb")
    places = ("cache ", "artifacts ", "run folder")
    lines = [line for line in shown.sent.splitlines() if not line.startswith(places)]
    assert lines
    assert max(map(len, lines)) <= columns


def test_the_doctor_shows_problems_and_with_v_the_rest(terminal: Terminal) -> None:
    brief = terminal(*RUNBOOK, "doctor", "--practice", "--only", "token", columns=80)
    whole = terminal(*RUNBOOK, "doctor", "--practice", "--only", "token", "-v", columns=80)
    assert "1 check needs no action; -v shows it." in brief.text
    assert "ok      token" in whole.text
    assert "ok      token" not in brief.text
