"""The program counts its own parts."""

import pytest

from runbook_lib.checks.probes.program import EXPECTED, counted, counted_in_files, judge_complete
from runbook_lib.run.check import Status


def test_the_counts_of_this_release_are_those_of_its_parts() -> None:
    """A part that was added or dropped on purpose changes the number in probes/program.py."""
    assert counted() == counted_in_files() == EXPECTED


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_a_part_that_is_missing_fails_the_check(kind: str) -> None:
    assert judge_complete(EXPECTED).status is Status.OK
    verdict = judge_complete({**EXPECTED, kind: EXPECTED[kind] - 1})
    assert verdict.status is Status.FAIL
    assert f"{EXPECTED[kind] - 1} of {EXPECTED[kind]} {kind}" in verdict.evidence
