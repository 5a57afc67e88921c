"""Every fixture is recognised as its quirk and as nothing else."""

from pathlib import Path

import pytest

from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.quirks.diagnosis import diagnose
from tests.unit.quirks.logs import ALSO, FIXTURES, Known, quirk_of, read_answers, read_silences, read_wordings

LOGS = sorted(FIXTURES.glob("*.log"))
UNRELATED = sorted((FIXTURES / "none").glob("*.log"))
HEALTHY = [
    *("changelog-text", "clean-run", "hf-download", "idle-service", "jupyter-start", "kubernetes-running"),
    *("normal-download", "papermill-ok", "pip-install", "tls-retry-recovered"),
]


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_a_log_is_recognised_as_its_quirk_and_as_no_other(log: Path) -> None:
    diagnosis = diagnose(log)
    found = tuple(finding.quirk.id for finding in diagnosis.findings)
    assert found == (quirk_of(log), *ALSO.get(log.stem, ()))


@pytest.mark.parametrize("log", UNRELATED, ids=lambda log: log.stem)
def test_nothing_is_recognised_in_a_log_without_a_quirk(log: Path) -> None:
    assert diagnose(log).findings == ()


@pytest.mark.parametrize("log", HEALTHY)
def test_a_healthy_log_holds_no_error(log: str) -> None:
    assert diagnose(FIXTURES / "none" / f"{log}.log").innermost is None


@pytest.mark.parametrize("wording", read_wordings(), ids=lambda wording: wording.name)
def test_a_wording_is_recognised_as_its_quirk_and_as_no_other(wording: Known) -> None:
    assert {finding.quirk.id for finding in diagnose(wording.text).findings} == wording.findings


@pytest.mark.parametrize("text", read_silences("healthy"), ids=lambda text: text.name)
def test_a_healthy_text_of_a_stranger_raises_no_alarm(text: Known) -> None:
    diagnosis = diagnose(text.text)
    assert diagnosis.findings == ()
    assert diagnosis.innermost is None


@pytest.mark.parametrize("text", read_silences("unknown"), ids=lambda text: text.name)
def test_where_a_text_does_not_tell_no_cause_is_named_and_no_all_clear_given(text: Known) -> None:
    diagnosis = diagnose(text.text)
    assert diagnosis.findings == ()
    assert diagnosis.innermost


def test_every_quirk_has_a_log_that_shows_it() -> None:
    shown = {quirk_of(log) for log in LOGS}
    shown |= {quirk for answer in read_answers() for quirk in answer.findings}
    shown |= {quirk for wording in read_wordings() for quirk in wording.findings}
    assert shown == {quirk.id for quirk in load_catalogue()}


def test_each_log_line_of_the_quirk_note_is_recognised_by_itself() -> None:
    lines = (FIXTURES / "quirk-001-note.log").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    for line in lines:
        assert [finding.quirk.id for finding in diagnose(line).findings] == ["quirk-001"]
