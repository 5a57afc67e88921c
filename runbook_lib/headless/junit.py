"""The run as JUnit XML, which CI services show: a suite for each stage, a case for each check."""

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from runbook_lib.headless.summary import StageOutcome
from runbook_lib.run.check import Check, Status
from runbook_lib.run.record import RawFacts, StageRecord

JUNIT_NAME: Final = "junit.xml"
_LOWEST: Final = 0x20
_KEPT: Final = "\t\n\r"
_SURROGATES: Final = range(0xD800, 0xE000)
_NO_CHARACTERS: Final = (0xFFFE, 0xFFFF)


def junit_xml(outcomes: Sequence[StageOutcome], records: Sequence[StageRecord[RawFacts]]) -> bytes:
    """Return the document. A warning is a case that passed, with what to do as its output."""
    known = {record.stage: record for record in records}
    suites = ET.Element("testsuites", name="docling-runbook")
    for outcome in outcomes:
        record = known.get(outcome.stage) if outcome.status is not Status.SKIP else None
        suites.append(_suite(outcome, record))
    ET.indent(suites)
    document: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(outcome: StageOutcome, record: StageRecord[RawFacts] | None) -> ET.Element:
    cases = [_case(outcome.stage, check) for check in record.checks] if record else []
    if outcome.problem or not cases:
        cases.append(_stage_case(outcome))
    counts = {kind: sum(case.find(kind) is not None for case in cases) for kind in ("failure", "error", "skipped")}
    suite = ET.Element(
        "testsuite",
        name=outcome.stage,
        tests=str(len(cases)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
        time=f"{outcome.elapsed_s:.3f}",
    )
    if record:
        suite.set("timestamp", record.started_at.isoformat(timespec="seconds"))
    suite.extend(cases)
    return suite


def _case(stage: str, check: Check) -> ET.Element:
    case = ET.Element("testcase", classname=f"runbook.{stage}", name=_allowed(check.title))
    words = _allowed("\n".join(check.advice()))
    if check.status is Status.FAIL:
        ET.SubElement(case, "failure", message=_allowed(check.evidence), type=check.id).text = words
    elif check.status is Status.SKIP:
        ET.SubElement(case, "skipped", message=_allowed(check.evidence))
    elif check.status is Status.WARN:
        ET.SubElement(case, "system-out").text = f"warn: {words}"
    return case


def _stage_case(outcome: StageOutcome) -> ET.Element:
    """Return the case of the stage itself, for one that did not come to its checks or did not survive them."""
    case = ET.Element("testcase", classname=f"runbook.{outcome.stage}", name=f"stage {outcome.stage} ends")
    if outcome.status is Status.SKIP:
        ET.SubElement(case, "skipped", message=_allowed(outcome.said))
    elif outcome.status is Status.FAIL:
        ET.SubElement(case, "error", message=_allowed(outcome.said)).text = _allowed(outcome.problem)
    return case


def _allowed(text: str) -> str:
    """Replace characters that no XML document may hold, not even escaped."""
    return "".join(character if _is_allowed(character) else "?" for character in text)


def _is_allowed(character: str) -> bool:
    point = ord(character)
    return (point >= _LOWEST or character in _KEPT) and point not in _SURROGATES and point not in _NO_CHARACTERS
