"""`runbook schedule`: prints, and refuses what no run would take."""

import os
from pathlib import Path

import pytest

from runbook_lib.schedules.formats import FORMATS
from tests.command_line import Ended

pytestmark = pytest.mark.usefixtures("in_tmp_path")
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_every_format_is_printed_and_nothing_is_written(ended: Ended, kind: str) -> None:
    code, out, _ = ended("schedule", kind, "--", "-p", "hub", "https://hub.example.org")
    assert code == 0
    assert "hub.example.org" in out
    assert "--if-running" in out
    assert list(Path().iterdir()) == []


def test_the_files_are_written_where_one_says(ended: Ended) -> None:
    code, out, _ = ended("schedule", "windows", "--into", "made")
    assert code == 0
    assert out.splitlines() == [str(Path("made", "docling-runbook.xml")), str(Path("made", "register.cmd"))]
    assert Path("made", "docling-runbook.xml").read_bytes().decode("utf-16").startswith("<?xml")


def test_a_time_that_a_change_of_the_clock_skips_is_told(ended: Ended) -> None:
    os.environ["TZ"] = "Europe/Berlin"
    code, _, err = ended("schedule", "systemd", "--at", "2:30")
    assert code == 0
    assert "in Europe/Berlin on 20" in err
    assert ended("schedule", "systemd")[2] == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cron", "--at", "25:00"), "not a time of day"),
        (("cron", "--days", "fri-mon"), "is not a set of days"),
        (("systemd", "--zone", "Europe/Atlantis"), "no time zone 'Europe/Atlantis'"),
        (("cron", "--zone", "Asia/Tokyo"), "cannot follow the time zone"),
        (("cron", "--keep", "runs=0"), "would keep nothing"),
        (("cron", "--", "-p", "hubb", "x"), "'hubb' is not a parameter"),
        (("cron", "--", "--no-such-option"), "No such option"),
        (("cron", "--", "-p", "hub", "https://me:secret1@example.org"), "must not carry a user name"),
        (("at",), "'at' is not one of"),
    ],
)
def test_wrong_words_end_with_2_and_print_nothing(ended: Ended, words: tuple[str, ...], said: str) -> None:
    code, out, err = ended("schedule", *words)
    assert (code, out) == (2, "")
    assert said in err


def test_the_page_about_schedules_names_every_format() -> None:
    page = (ROOT / "docs" / "scheduling.md").read_text(encoding="utf-8")
    assert [kind for kind in FORMATS if f"`{kind}`" not in page] == []
