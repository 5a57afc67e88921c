"""The judging of stage convert."""

from typing import Any

import pytest

from runbook_lib.run.check import Status
from runbook_lib.stages.convert.checks import judge_conversion
from runbook_lib.stages.convert.facts import Conversion, ConvertFacts

GOOD = {
    "status": "success",
    "errors": (),
    "page_count": 2,
    "pages_converted": 2,
    "characters": 2000,
    "tables": 1,
    "pictures": (),
    "timings_s": {"import_s": 3.0, "load_s": 2.4, "first_s": 0.4, "second_s": 0.3},
    "refused_connections": (),
}


def facts(conversion: dict[str, Any] | None = None, **changes: Any) -> ConvertFacts:
    done = Conversion(**{**GOOD, **conversion}) if conversion is not None else None
    known = {"document": "sample.pdf", "ocr": False, "ocr_reason": "off", "sentences_known": 8}
    return ConvertFacts(**{**known, "conversion": done, **changes})


def statuses(seen: ConvertFacts) -> dict[str, Status]:
    return {check.id: check.status for check in judge_conversion(seen)}


def test_a_good_conversion_passes() -> None:
    assert statuses(facts({})) == dict.fromkeys(("converted", "all-pages", "known-sentences", "no-network"), Status.OK)


@pytest.mark.parametrize(
    ("conversion", "changes", "identifier", "status"),
    [
        ({"status": "partial_success"}, {}, "converted", Status.FAIL),
        ({"errors": ("page 2: bad_alloc",)}, {}, "converted", Status.FAIL),
        ({"pages_converted": 1}, {}, "all-pages", Status.FAIL),
        ({}, {"sentences_missing": ("What went wrong",)}, "known-sentences", Status.FAIL),
        ({"refused_connections": ("huggingface.co:443",)}, {}, "no-network", Status.WARN),
    ],
)
def test_each_check_can_fail_alone(
    conversion: dict[str, Any], changes: dict[str, Any], identifier: str, status: Status
) -> None:
    seen = statuses(facts(conversion, **changes))
    assert seen.pop(identifier) is status
    assert set(seen.values()) == {Status.OK}


def test_what_was_missing_or_refused_is_named() -> None:
    seen = facts({"refused_connections": ("huggingface.co:443",)}, sentences_missing=("What went wrong",))
    evidence = {check.id: check.evidence for check in judge_conversion(seen)}
    assert evidence["known-sentences"] == "7 of 8 found; missing: What went wrong"
    assert evidence["no-network"] == "huggingface.co:443"


def test_a_document_of_ones_own_has_no_known_sentences() -> None:
    assert "known-sentences" not in statuses(facts({}, sentences_known=0))


def test_a_pipeline_that_could_not_run_is_one_failed_check() -> None:
    seen = facts(problem="OSError: model.safetensors", remedy="Fetch it again.", quirk="win-symlink-dangling")
    (check,) = judge_conversion(seen)
    assert (check.id, check.status, check.evidence) == ("converted", Status.FAIL, "OSError: model.safetensors")
    assert (check.remedy, check.quirk) == ("Fetch it again.", "win-symlink-dangling")
    assert "OSError: model.safetensors" in str(seen)


def test_the_timings_are_shown_by_step() -> None:
    text = str(facts({}))
    assert "load the models  2.40 s" in text
    assert "second           0.30 s" in text
