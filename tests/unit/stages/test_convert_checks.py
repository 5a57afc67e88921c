"""The judging of stage convert."""

from typing import Any

import pytest

from runbook_lib.run.check import Status
from runbook_lib.stages.convert.checks import judge_conversion
from runbook_lib.stages.convert.facts import ConvertedDocument, ConvertFacts

GOOD = {
    "name": "sample.pdf",
    "status": "success",
    "page_count": 2,
    "pages_converted": 2,
    "characters": 2000,
    "text_characters": 1800,
    "tables": 1,
    "elapsed_s": 0.4,
    "peak_memory_bytes": 10**9,
}
ENCRYPTED = {
    "status": "failure",
    "fault": "encrypted",
    "said": "the PDF is protected by a password",
    **dict.fromkeys(("page_count", "pages_converted", "characters", "text_characters"), 0),
}
CUT_SHORT = {"status": "partial_success", "fault": "damaged", "said": "cut short", "pages_converted": 1}


def document(**changes: Any) -> ConvertedDocument:
    return ConvertedDocument(**{**GOOD, **changes})


def facts(*documents: ConvertedDocument, **changes: Any) -> ConvertFacts:
    known = {
        "document": "sample.pdf",
        "ocr": False,
        "ocr_reason": "off",
        "sentences_known": 8,
        "timings_s": {"import_s": 3.0, "load_s": 2.4, "first_s": 0.4, "second_s": 0.3},
    }
    return ConvertFacts(**{**known, "documents": documents, **changes})


def statuses(seen: ConvertFacts) -> dict[str, Status]:
    return {check.id: check.status for check in judge_conversion(seen)}


def test_a_good_conversion_passes() -> None:
    passed = ("converted", "all-pages", "has-text", "known-sentences", "no-network")
    assert statuses(facts(document())) == dict.fromkeys(passed, Status.OK)


@pytest.mark.parametrize(
    ("changed", "changes", "identifier", "status"),
    [
        ({"pages_converted": 1}, {}, "all-pages", Status.FAIL),
        ({"text_characters": 0}, {}, "has-text", Status.FAIL),
        ({}, {"sentences_missing": ("What went wrong",)}, "known-sentences", Status.FAIL),
        ({}, {"refused_connections": ("huggingface.co:443",)}, "no-network", Status.WARN),
    ],
)
def test_each_check_can_fail_alone(
    changed: dict[str, Any], changes: dict[str, Any], identifier: str, status: Status
) -> None:
    seen = statuses(facts(document(**changed), **changes))
    assert seen.pop(identifier) is status
    assert set(seen.values()) == {Status.OK}


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "partial_success", "fault": "pipeline", "errors": ("page 2: bad_alloc",)},
        {"errors": ("page 2: bad_alloc",)},
        {"status": "", "fault": "crash", "said": "docling's process died on it"},
        {"status": "", "fault": "limit", "said": "was not done"},
    ],
)
def test_what_fails_on_this_machine_fails_the_proof_whatever_else_converted(changed: dict[str, Any]) -> None:
    assert statuses(facts(document(), document(name="b.pdf", **changed)))["converted"] is Status.FAIL


def test_a_format_without_pages_is_not_judged_by_pages() -> None:
    seen = statuses(facts(document(name="a.md", page_count=0, pages_converted=0), sentences_known=0))
    assert seen == dict.fromkeys(("converted", "has-text", "no-network"), Status.OK)


def test_a_document_that_cannot_be_read_fails_alone_and_is_blamed_on_nothing_else() -> None:
    (check,) = judge_conversion(facts(document(name="secret.pdf", **ENCRYPTED), sentences_known=0))
    assert (check.id, check.status, check.quirk, check.fixed_by) == ("converted", Status.FAIL, "", "")
    assert check.evidence == "secret.pdf: the PDF is protected by a password"
    assert check.remedy.startswith("The document is at fault, not the models")
    assert "verify" not in check.remedy


def test_among_others_it_is_named_and_the_proof_holds() -> None:
    seen = facts(document(), document(name="secret.pdf", **ENCRYPTED), sentences_known=0)
    checks = {check.id: check for check in judge_conversion(seen)}
    assert checks["converted"].status is Status.OK
    assert checks["converted"].evidence == "1 of 2 documents"
    assert checks["documents-readable"].status is Status.WARN
    assert "secret.pdf: the PDF is protected by a password" in checks["documents-readable"].evidence


@pytest.mark.parametrize(("others", "status"), [((), Status.FAIL), ((document(),), Status.WARN)])
def test_a_document_cut_short_is_no_fault_of_the_machine(others: tuple[ConvertedDocument, ...], status: Status) -> None:
    seen = {check.id: check for check in judge_conversion(facts(*others, document(name="cut.pdf", **CUT_SHORT)))}
    assert seen["all-pages"].status is status
    assert "fetch it again" in seen["all-pages"].remedy


@pytest.mark.parametrize("ocr", [False, True])
def test_an_empty_document_says_what_empties_it(ocr: bool) -> None:
    seen = {check.id: check for check in judge_conversion(facts(document(text_characters=0), ocr=ocr))}
    assert ("-p pipeline ocr=auto" in seen["has-text"].remedy) is not ocr
    assert "sample.pdf" in seen["has-text"].evidence


def test_an_empty_document_among_others_is_a_warning() -> None:
    seen = facts(document(), document(name="blank.pdf", text_characters=0))
    assert statuses(seen)["has-text"] is Status.WARN
    assert "blank.pdf              empty" in str(seen) or "blank.pdf   empty" in str(seen)


def test_what_was_missing_or_refused_is_named() -> None:
    seen = facts(document(), refused_connections=("huggingface.co:443",), sentences_missing=("What went wrong",))
    evidence = {check.id: check.evidence for check in judge_conversion(seen)}
    assert evidence["known-sentences"] == "7 of 8 found; missing: What went wrong"
    assert evidence["no-network"] == "huggingface.co:443"


def test_a_document_of_ones_own_has_no_known_sentences() -> None:
    assert "known-sentences" not in statuses(facts(document(), sentences_known=0))


def test_a_pipeline_that_could_not_run_is_one_failed_check() -> None:
    seen = facts(problem="OSError: model.safetensors", remedy="Fetch it again.", quirk="win-symlink-dangling")
    (check,) = judge_conversion(seen)
    assert (check.id, check.status, check.evidence) == ("converted", Status.FAIL, "OSError: model.safetensors")
    assert (check.remedy, check.quirk) == ("Fetch it again.", "win-symlink-dangling")
    assert "OSError: model.safetensors" in str(seen)


def test_the_timings_are_shown_by_step() -> None:
    text = str(facts(document()))
    assert "load the models  2.40 s" in text
    assert "second           0.30 s" in text


def test_many_documents_are_counted_and_the_first_are_named() -> None:
    bad = [document(name=f"{number}.pdf", **ENCRYPTED) for number in range(9)]
    evidence = next(check.evidence for check in judge_conversion(facts(*bad)))
    assert "4.pdf" in evidence
    assert "5.pdf" not in evidence
    assert evidence.endswith(" and 4 more")
