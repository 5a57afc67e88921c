"""docs/security.md: each claim names a test, and that test exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
CLAIM = re.compile(r"^\| (?P<claim>[^|]+) \| `(?P<path>tests/[\w/]+\.py)::(?P<test>test_\w+)` \|$", re.MULTILINE)
ROW = re.compile(r"^\| (?!claim \||---)", re.MULTILINE)


def claims() -> list[tuple[str, str, str]]:
    return [
        (match["claim"], match["path"], match["test"]) for match in CLAIM.finditer(PAGE.read_text(encoding="utf-8"))
    ]


def test_every_claim_names_a_test() -> None:
    assert len(claims()) == len(ROW.findall(PAGE.read_text(encoding="utf-8")))
    assert len(claims()) > 20


@pytest.mark.parametrize(("claim", "path", "test"), claims())
def test_the_test_that_holds_a_claim_exists(claim: str, path: str, test: str) -> None:
    assert f"\ndef {test}(" in (ROOT / path).read_text(encoding="utf-8"), claim
