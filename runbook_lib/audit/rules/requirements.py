"""Versions of huggingface_hub and docling: left open, or known to fail."""

from collections.abc import Iterator

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.repository import HUB, ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule

_MATTERS = (HUB, "docling")
_RACE_FIXED = "1.33.0"


def _open_version(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    for dependency in source.dependencies:
        if dependency.name in _MATTERS and not repository.is_bounded(dependency.name):
            yield Hit(dependency.line, f"any version of {dependency.name} will do", scope=dependency.scope)


def _symlink_race(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if repository.symlinks_are_disabled or not repository.runs_on_windows:
        return
    for dependency in source.dependencies:
        if dependency.name == HUB and dependency.is_before(_RACE_FIXED):
            message = "this version may fail with WinError 1314 when it downloads with several workers"
            yield Hit(dependency.line, message, scope=dependency.scope)


RULES = (
    Rule(
        id="open-version",
        title="The version of huggingface_hub or docling is left open",
        reason="Names and revisions of the models are part of each docling release, and which remedy works depends on "
        "the version of huggingface_hub: the next build may need other models and fail otherwise.",
        remedy="Pin the version, give it an upper bound, or keep a lock or constraints file in the repository.",
        severity=Severity.WARNING,
        quirk="docling-artifacts-renamed",
        bad={"requirements.txt": "docling\nhuggingface_hub>=1.33\n"},
        good={"requirements.txt": "docling==2.143.0\nhuggingface_hub>=1.33,<2\n"},
        check=_open_version,
    ),
    Rule(
        id="symlink-race-version",
        title="huggingface_hub before 1.33 is required, and there are signs of Windows",
        reason="Until 1.32 the probe for symlinks is published before it ends: with more than one worker (the default "
        "is 8) a second thread creates a link and the error escapes.",
        remedy="Require huggingface_hub >= 1.33; or set HF_HUB_DISABLE_SYMLINKS=1 (>= 1.9) before Python starts.",
        severity=Severity.NOTE,
        quirk="quirk-001",
        bad={"requirements.txt": "huggingface_hub==1.32.0\n", "start.bat": "uvicorn app.main:app\n"},
        good={"requirements.txt": "huggingface_hub==1.33.0\n", "start.bat": "uvicorn app.main:app\n"},
        check=_symlink_race,
    ),
)
