"""The same failure is found whatever the log wears, and nothing else is."""

from io import BytesIO

import pytest

from runbook_lib.quirks.diagnosis import diagnose
from tests.unit.quirks.clothes import CLOTHES
from tests.unit.quirks.logs import Known, read_logs

# Whole tracebacks of IPython show the source code of the client, and are read as they stand: once wrapped, pieces of
# its comments and conditions can no longer be told from words of the log.
WITH_SOURCE_CODE = ("repo-missing-or-gated-ipython", "tls-cut-ipython")
LOGS = [log for log in read_logs() if log.name not in WITH_SOURCE_CODE]
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
