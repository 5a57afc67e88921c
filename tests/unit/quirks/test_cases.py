"""What engineers pasted in public reports: the right cause and remedy for each, silence for what is healthy."""

import pytest

from runbook_lib.quirks.diagnosis import Diagnosis, diagnose
from tests.unit.quirks.logs import HERE, Answer, read_answers

ANSWERS = read_answers()


def shown(diagnosis: Diagnosis) -> str:
    """Everything that a reader is told, in one line."""
    return " ".join(str(diagnosis).split())


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.log.stem)
def test_a_report_is_answered_as_an_expert_did(answer: Answer) -> None:
    diagnosis = diagnose(answer.log)
    assert tuple(finding.quirk.id for finding in diagnosis.findings) == answer.findings
    assert tuple(finding.quirk.id for finding in diagnosis.recovered) == answer.recovered
    told = " ".join(
        f"{finding.quirk.title} {finding.line} {finding.cause} {finding.otherwise} {finding.remedy} {finding.dont} "
        f"{finding.quirk.surprise} {finding.quirk.hypotheses}"
        for finding in diagnosis.findings
    )
    for words in answer.says:
        assert words.casefold() in told.casefold()
    for words in answer.never:
        assert words.casefold() not in told.casefold()


def test_every_case_has_an_answer() -> None:
    assert sorted(answer.log for answer in ANSWERS) == sorted((HERE / "cases").glob("*.log"))


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.log.stem)
def test_only_a_healthy_log_is_told_that_it_holds_no_error(answer: Answer) -> None:
    text = shown(diagnose(answer.log))
    silent = "There is no error in it." in text or "nothing to fix" in text
    assert silent is (not answer.finding)


@pytest.mark.parametrize("answer", [answer for answer in ANSWERS if answer.finding], ids=lambda answer: answer.log.stem)
def test_the_evidence_of_a_report_stands_in_the_log(answer: Answer) -> None:
    finding = diagnose(answer.log).findings[0]
    assert finding.line
    assert finding.line_number >= 1
