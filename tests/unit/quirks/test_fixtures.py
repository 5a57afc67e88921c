"""Every fixture is recognised as its quirk and as nothing else."""

import codecs
from pathlib import Path

import pytest

from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.quirks.diagnosis import diagnose

FIXTURES = Path(__file__).parent / "fixtures"
LOGS = sorted(FIXTURES.glob("*.log"))
UNRELATED = sorted((FIXTURES / "none").glob("*.log"))

ALSO = {
    # The Xet client could not reach its storage because the certificate was refused: both are true, in that order.
    "tls-interception-xet": ("xet-blocked-or-stalled",),
    # The download broke off, which in a local folder also took the older file away: what it left is not resumed.
    "local-dir-loses-files": ("incomplete-no-resume",),
}


def is_utf16(log: Path) -> bool:
    return log.read_bytes().startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def quirk_of(log: Path) -> str:
    """The longest id that the name of the fixture begins with."""
    ids = [quirk.id for quirk in load_catalogue() if log.stem == quirk.id or log.stem.startswith(f"{quirk.id}-")]
    return max(ids, key=len)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_a_log_is_recognised_as_its_quirk_and_as_no_other(log: Path) -> None:
    diagnosis = diagnose(log)
    found = tuple(finding.quirk.id for finding in diagnosis.findings)
    assert found == (quirk_of(log), *ALSO.get(log.stem, ()))


@pytest.mark.parametrize("log", UNRELATED, ids=lambda log: log.stem)
def test_nothing_is_recognised_in_a_log_without_a_quirk(log: Path) -> None:
    assert diagnose(log).findings == ()


def test_every_quirk_has_a_fixture() -> None:
    assert {quirk_of(log) for log in LOGS} == {quirk.id for quirk in load_catalogue()}


def test_each_log_line_of_the_quirk_note_is_recognised_by_itself() -> None:
    lines = (FIXTURES / "quirk-001-note.log").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    for line in lines:
        assert [finding.quirk.id for finding in diagnose(line).findings] == ["quirk-001"]


@pytest.mark.parametrize("log", [log for log in LOGS if not is_utf16(log)], ids=lambda log: log.stem)
def test_a_log_is_recognised_behind_the_prefix_of_a_container_log_too(log: Path) -> None:
    prefixed = b"".join(b"worker-1  | " + line for line in log.read_bytes().splitlines(keepends=True))
    assert quirk_of(log) in [finding.quirk.id for finding in diagnose(prefixed.decode("utf-8", "replace")).findings]
