"""The table of problems: complete, and in step with the catalogue of quirks."""

import subprocess
import sys

import pytest

from runbook_lib.cache.content_signs import Sign
from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.stages.verify.problems import MEANINGS, FileProblem, ProblemKind, Severity


def test_every_kind_has_a_meaning_and_every_sign_is_a_kind() -> None:
    assert set(MEANINGS) == set(ProblemKind)
    assert {sign.value for sign in Sign} <= {kind.value for kind in ProblemKind}


@pytest.mark.parametrize("kind", ProblemKind)
def test_what_matters_says_what_to_do_and_names_a_quirk_of_the_catalogue(kind: ProblemKind) -> None:
    meaning = MEANINGS[kind]
    assert bool(meaning.remedy) == (meaning.severity is not Severity.NOTE)
    assert not meaning.quirk or meaning.quirk in {quirk.id for quirk in load_catalogue()}
    assert meaning.remedy.isascii()


def test_a_name_of_bytes_that_are_no_text_can_be_written_as_json() -> None:
    problem = FileProblem(path="caf\udce9", kind=ProblemKind.UNEXPECTED, evidence="\udcff")
    assert FileProblem.model_validate_json(problem.model_dump_json()) == problem
    assert problem.path == "caf\\udce9"


def test_comparing_a_folder_does_not_load_the_stages() -> None:
    code = (
        "import sys; from runbook_lib.stages.verify.compare import verify_folder;"
        "sys.exit('runbook_lib.run.opening' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
