"""Whether this program itself has all of its parts: a discovery that finds too little must not look like good news."""

from collections.abc import Mapping
from typing import Final

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.run.check import Verdict, fail, ok

EXPECTED: Final[Mapping[str, int]] = {"checks": 81, "quirks": 189, "audit rules": 48}
"""How many there are in this release; a test holds the numbers."""
_REMEDY: Final = (
    "Install docling-runbook again: files of the package are missing or damaged, and what they look for is not found."
)


def counted() -> dict[str, int]:
    """Load every check, quirk and audit rule of this installation, and return how many of each there are."""
    from runbook_lib.audit.registry import RULES
    from runbook_lib.checks.registry import PROBES
    from runbook_lib.quirks.catalogue import load_catalogue

    return {"checks": len(PROBES), "quirks": len(load_catalogue()), "audit rules": len(RULES)}


def _complete(_context: ProbeContext) -> Verdict:
    try:
        found = counted()
    except Exception as error:  # noqa: BLE001 - a module that lacks its end raises whatever it happens to
        return fail(f"a part of this installation cannot be loaded: {type(error).__name__}: {error}", _REMEDY)
    return judge_complete(found)


def judge_complete(found: Mapping[str, int]) -> Verdict:
    """Compare what was found with what this release has."""
    missing = {kind: number for kind, number in EXPECTED.items() if found.get(kind, 0) < number}
    if not missing:
        return ok(", ".join(f"{number} {kind}" for kind, number in found.items()))
    seen = ", ".join(f"{found.get(kind, 0)} of {number} {kind}" for kind, number in missing.items())
    return fail(f"this installation has only {seen}", _REMEDY)


PROBES = (Probe("program-complete", "this program has all of its parts", "", _complete, limit_s=30.0),)
