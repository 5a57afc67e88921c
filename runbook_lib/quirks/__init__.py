"""The catalogue of known failures, and the matcher that recognises them in a log."""

from runbook_lib.quirks.catalogue import Catalogue, load_catalogue, parse_catalogue
from runbook_lib.quirks.diagnosis import Diagnosis, Finding, diagnose, diagnose_given
from runbook_lib.quirks.model import (
    Affected,
    Area,
    Clue,
    Grade,
    Platform,
    Quirk,
    Remedy,
    Severity,
    reference_url,
)
from runbook_lib.quirks.remedies import affected_by, condition, remedy_for

__all__ = [
    "Affected",
    "Area",
    "Catalogue",
    "Clue",
    "Diagnosis",
    "Finding",
    "Grade",
    "Platform",
    "Quirk",
    "Remedy",
    "Severity",
    "affected_by",
    "condition",
    "diagnose",
    "diagnose_given",
    "load_catalogue",
    "parse_catalogue",
    "reference_url",
    "remedy_for",
]
