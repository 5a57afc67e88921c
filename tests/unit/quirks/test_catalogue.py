"""The catalogue: complete, checked when loaded, looked up by any name."""

import re

import pytest

from runbook_lib.checks.registry import PROBES
from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.quirks.catalogue import load_catalogue, parse_catalogue, shipped_files
from runbook_lib.quirks.diagnosis import rule_book
from runbook_lib.quirks.model import Grade, Severity, reference_url

FILE = "things.toml"
ENTRY = """
schema_version = 1
[a-quirk]
number = "Q01"
title = "A title"
area = "files"
severity = "low"
patterns = ['a literal text']
cause = "A cause."
dont = "A warning."
evidence = ["V"]
remedies = [{ text = "A remedy." }]
"""


def test_the_catalogue_holds_the_quirks_in_the_order_of_their_numbers_without_a_gap() -> None:
    assert len(load_catalogue()) >= 49
    assert [quirk.number for quirk in load_catalogue()] == [
        f"Q{number:02d}" for number in range(1, len(load_catalogue()) + 1)
    ]


@pytest.mark.parametrize("name", ["quirk-001", "Q01", "q01", "win-symlink-1314", " QUIRK-001 "])
def test_a_quirk_is_found_by_id_number_and_alias(name: str) -> None:
    assert load_catalogue().quirk(name).id == "quirk-001"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError) as raised:
        load_catalogue().quirk("ssl-cert-bad")
    assert "ssl-cert-file-bad" in raised.value.remedy


def test_a_name_like_no_other_is_answered_with_the_command_that_lists_them() -> None:
    with pytest.raises(UsageError) as raised:
        load_catalogue().quirk("\u4e2d\u6587")
    assert "runbook quirks" in raised.value.remedy


def test_the_catalogue_is_read_once() -> None:
    assert load_catalogue() is load_catalogue()


def test_every_pattern_of_the_catalogue_is_of_the_dialect_which_no_start_checks_again() -> None:
    assert parse_catalogue(shipped_files()) == load_catalogue()


def test_the_sample_entry_is_valid() -> None:
    assert parse_catalogue({FILE: ENTRY}).quirk("a-quirk").severity is Severity.LOW


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('area = "files"', 'area = "files"\ncolour = "red"', "colour"),
        ('area = "files"', 'area = "garden"', "area"),
        ('severity = "low"', 'severity = "fatal"', "severity"),
        ("'a literal text'", "'a literal text.*'", "upper bound"),
        ("'a literal text'", "'(?:a literal text.{0,9}){0,9}'", "within a repeat"),
        ("'a literal text'", "'a literal.{0,99}text.{0,99}'", "backtracking"),
        ("'a literal text'", "'.{0,99}'", "literal"),
        ("'a literal text'", "'(?i)a literal text'", "flags"),
        ("patterns = ['a literal text']", "", "pattern or a clue"),
        ('evidence = ["V"]', 'evidence = ["X"]', "evidence"),
        ('evidence = ["V"]', 'evidence = ["K"]', "hypotheses"),
        ('cause = "A cause."', 'cause = "A caus\u00e9."', "ASCII"),
        ('text = "A remedy."', 'text = "A remedy.", package = "docling"', "go together"),
        ('text = "A remedy."', 'text = "A remedy.", package = "docling", versions = "about 2"', "specifier"),
        ('[{ text = "A remedy." }]', "[]", "remedies"),
        ('number = "Q01"', 'number = "1"', "number"),
        ("schema_version = 1", "schema_version = 2", "schema version"),
        ("schema_version = 1", "schema_version = 1\nstray = 3", "stray"),
        ("[a-quirk]", "[a-quirk", "not TOML"),
        ('number = "Q01"', 'number = "Q01"\naliases = ["q01"]', "names both"),
        ("patterns =", "clues = [{ line = 'another text', elsewhere = true }]\npatterns =", "go together"),
        ('dont = "A', 'elsewhere = { cause = "A.", remedy = "B.", dont = "C." }\ndont = "A', "go together"),
    ],
)
def test_a_wrong_entry_is_refused_with_the_reason(old: str, new: str, complaint: str) -> None:
    assert old in ENTRY
    with pytest.raises(RunbookError) as raised:
        parse_catalogue({FILE: ENTRY.replace(old, new)})
    assert complaint in str(raised.value)


def test_every_reference_is_an_issue_or_an_address() -> None:
    for quirk in load_catalogue():
        for reference in quirk.references:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+#\d+|https://\S+", reference), (quirk.id, reference)
            assert reference_url(reference).startswith("https://")


def test_every_grade_has_words_and_a_hypothesis_is_called_one() -> None:
    assert all(grade.words for grade in Grade)
    assert "nobody reproduced" in load_catalogue().quirk("fs-without-symlinks").evidence_words


def test_every_probe_named_is_a_check_of_detect() -> None:
    checks = {probe.id for probe in PROBES}
    assert {quirk.probe for quirk in load_catalogue()} <= checks | {""}


def test_every_quirk_that_a_probe_names_is_in_the_catalogue() -> None:
    assert {probe.quirk for probe in PROBES} <= {quirk.id for quirk in load_catalogue()} | {""}


def test_every_quirk_says_what_one_would_not_have_guessed() -> None:
    assert [quirk.id for quirk in load_catalogue() if not quirk.surprise] == []


def test_a_name_in_two_files_is_refused() -> None:
    with pytest.raises(RunbookError, match="names both"):
        parse_catalogue({"one.toml": ENTRY, "two.toml": ENTRY.replace("[a-quirk]", "[another-quirk]")})


def test_what_came_with_a_version_is_what_no_earlier_one_knew() -> None:
    catalogue = load_catalogue()
    assert len(catalogue.since("0.1.0")) == len(catalogue)
    newer = catalogue.since("0.2.0")
    assert 60 <= len(newer) < len(catalogue)
    assert all(quirk.since == "0.2.0" for quirk in newer)
    assert catalogue.since("99") == ()


def test_a_version_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="no version"):
        load_catalogue().since("yesterday")


@pytest.mark.parametrize(
    "line",
    [
        "2026-03-02 08:14:12,120 INFO app.worker finished item 12 status=200 elapsed=0.0012",
        '{"level": "info", "status": 200, "path": "/srv/app/data", "message": "request completed"}',
        "2026-03-02 08:14:55,120 - INFO - docling.document_converter - Finished converting document a.pdf in 3 sec.",
        '10.1.2.3 - - [02/Mar/2026:08:14:12 +0000] "GET /health HTTP/1.1" 200 17 "-" "kube-probe/1.31"',
    ],
)
def test_no_pattern_is_tried_on_an_ordinary_line_of_a_long_log(line: str) -> None:
    assert [literal for literal in rule_book().literals if literal in line] == []
