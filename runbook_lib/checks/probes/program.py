"""Whether this program itself has all of its parts: a discovery that finds too little must not look like good news."""

import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.run.check import Verdict, fail, ok

EXPECTED: Final[Mapping[str, int]] = {"checks": 81, "quirks": 145, "audit rules": 48}
"""How many there are in this release; a test holds the numbers."""


def counted() -> dict[str, int]:
    """Return how many of each kind this installation finds."""
    from runbook_lib.audit.registry import RULES
    from runbook_lib.checks.registry import PROBES
    from runbook_lib.quirks.catalogue import load_catalogue

    return {"checks": len(PROBES), "quirks": len(load_catalogue()), "audit rules": len(RULES)}


_QUIRK: Final = re.compile(r"^\[[a-z0-9-]+\]$", re.MULTILINE)
_RULE: Final = re.compile(r"^(?:    |[A-Z_]+ = )Rule\($", re.MULTILINE)


def counted_in_files() -> dict[str, int]:
    """Return the same by the lines with which quirks and rules begin, as the doctor has no time to load them all.

    What an installation lacks is a file or the end of one; whether every part can be loaded, `counted` finds out.
    """
    from runbook_lib.checks.registry import PROBES

    package = files("runbook_lib")
    rules = (*(package / "audit" / "rules").iterdir(), package / "audit" / "suppression.py")
    quirks = (package / "quirks" / "entries").iterdir()
    return {"checks": len(PROBES), "quirks": _lines_in(quirks, _QUIRK), "audit rules": _lines_in(rules, _RULE)}


def _lines_in(found: Iterable[Traversable], line: re.Pattern[str]) -> int:
    texts = (file.read_text(encoding="utf-8") for file in found if file.name.endswith((".py", ".toml")))
    return sum(len(line.findall(text)) for text in texts)


def _complete(_context: ProbeContext) -> Verdict:
    return judge_complete(counted_in_files())


def judge_complete(found: Mapping[str, int]) -> Verdict:
    """Compare what was found with what this release has."""
    missing = {kind: number for kind, number in EXPECTED.items() if found.get(kind, 0) < number}
    if not missing:
        return ok(", ".join(f"{number} {kind}" for kind, number in found.items()))
    seen = ", ".join(f"{found.get(kind, 0)} of {number} {kind}" for kind, number in missing.items())
    return fail(
        f"this installation has only {seen}",
        "Install docling-runbook again: files of the package are missing, and what they look for is not found.",
    )


PROBES = (Probe("program-complete", "this program has all of its parts", "", _complete, limit_s=30.0),)
