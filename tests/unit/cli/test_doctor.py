"""`runbook doctor`: words, exit codes, JSON."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_lib.cli.doctor import doctor
from runbook_lib.errors import UsageError

EMPTY = ("-p", "offline", "true", "-p", "cache_dir", "hub", "-p", "artifacts_dir", "artifacts")


def called(*words: str, places: Sequence[str] = EMPTY) -> Result:
    return CliRunner().invoke(doctor, [*places, *words], standalone_mode=False)


def test_the_report_goes_to_stdout_and_the_exit_code_follows_the_worst(in_tmp_path: Path) -> None:
    good = called("--only", "free-space")
    assert (good.return_value, good.stdout.startswith("Doctor: ")) == (0, True)
    bad = called("-p", "models", "org/name", "--only", "cached-models")
    assert bad.return_value == 1
    assert "What to do:" in bad.stdout


def test_json_is_one_document_and_nothing_else(in_tmp_path: Path) -> None:
    document = json.loads(called("--json", "--only", "free-space", "--only", "variables").stdout)
    assert [check["id"] for check in document["checks"]] == ["free-space", "variables"]


def test_the_list_and_the_checklist_come_as_text_and_as_json(in_tmp_path: Path) -> None:
    assert "path-budget" in called("--list").stdout
    assert {"id", "quirk", "systems", "needs_network"} == json.loads(called("--list", "--json").stdout)[0].keys()
    assert "Only you can know" in called("--checklist").stdout
    assert len(json.loads(called("--checklist", "--json").stdout)) == 10


@pytest.mark.parametrize(
    "words", [("--dry-run",), ("--list", "--checklist"), ("--list", "--fix"), ("--only", "no-such-check")]
)
def test_words_that_do_not_go_together_are_wrong_usage(in_tmp_path: Path, words: tuple[str, ...]) -> None:
    assert isinstance(called(*words).exception, UsageError)
