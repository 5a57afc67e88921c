"""The same failure is found whatever the log wears, and nothing else is."""

from io import BytesIO

import pytest

from runbook_lib.quirks.diagnosis import diagnose
from tests.unit.quirks.clothes import CLOTHES
from tests.unit.quirks.logs import Known, read_logs

LOGS = read_logs()
MAX_MISSED = 0.02


def dressed(log: Known, dress: str) -> bytes:
    text = CLOTHES[dress](log.text)
    return text if isinstance(text, bytes) else text.encode("utf-8", "replace")


@pytest.mark.parametrize("dress", CLOTHES)
def test_a_failure_is_found_in_these_clothes_and_none_is_invented(dress: str) -> None:
    missed = []
    for log in LOGS:
        found = {finding.quirk.id for finding in diagnose(BytesIO(dressed(log, dress))).findings}
        assert found <= log.findings, (log.name, found)
        if found != log.findings:
            missed.append(log.name)
    assert len(missed) <= MAX_MISSED * len(LOGS), missed


def test_plain_logs_miss_nothing() -> None:
    for log in LOGS:
        assert {finding.quirk.id for finding in diagnose(log.text).findings} == log.findings, log.name
