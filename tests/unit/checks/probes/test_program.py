"""The program loads and counts its own parts."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import runbook_lib
from runbook_lib.checks.probes.program import EXPECTED, counted, judge_complete
from runbook_lib.run.check import Status

PACKAGE = Path(runbook_lib.__file__).parent
ASK = """
from runbook_lib.checks.probes.program import PROBES
verdict = PROBES[0].run(None)
print(verdict.status, verdict.evidence)
"""


def test_the_counts_of_this_release_are_those_of_its_parts() -> None:
    """A part that was added or dropped on purpose changes the number in probes/program.py."""
    assert counted() == EXPECTED


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_a_part_that_is_missing_fails_the_check(kind: str) -> None:
    assert judge_complete(EXPECTED).status is Status.OK
    verdict = judge_complete({**EXPECTED, kind: EXPECTED[kind] - 1})
    assert verdict.status is Status.FAIL
    assert f"{EXPECTED[kind] - 1} of {EXPECTED[kind]} {kind}" in verdict.evidence


def cut_short(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: text.rindex("cause = ")] + 'cause = "half', encoding="utf-8")


def misspell(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("severity =", "sevrity =", 1), encoding="utf-8")


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:1500])


def without_its_end(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: text.index("\nRULES = (")], encoding="utf-8")


@pytest.mark.parametrize(
    ("part", "damage", "seen"),
    [
        ("quirks/entries/ocr.toml", Path.unlink, "quirks"),
        ("quirks/entries/ocr.toml", cut_short, "ocr.toml is not TOML"),
        ("quirks/entries/ocr.toml", misspell, "sevrity"),
        ("audit/rules/secrets.py", Path.unlink, "secrets"),
        ("audit/rules/secrets.py", half, "SyntaxError"),
        ("audit/rules/secrets.py", without_its_end, "RULES"),
    ],
)
def test_a_part_that_cannot_be_loaded_fails_the_check(
    part: str, damage: Callable[[Path], None], seen: str, tmp_path: Path
) -> None:
    shutil.copytree(PACKAGE, tmp_path / "runbook_lib", ignore=shutil.ignore_patterns("__pycache__"))
    damage(tmp_path / "runbook_lib" / part)
    done = subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("fail ")
    assert seen in done.stdout
