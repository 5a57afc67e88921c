"""What docling answered once need not be asked again."""

from pathlib import Path

import pytest

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.pipeline.spec import PipelineSpec
from runbook_lib.pipeline.wanted import MissingPart, Wanted
from runbook_lib.run.wanted_models import AskedOf, asked_of, remember_wanted, remembered_wanted

WANTED = Wanted.named((ModelRef("org/layout"), ModelRef("org/tables", "v2.3.0")))


def asked(docling: str = "2.143.0", prefix: str = "/venv", pipeline: str = "") -> AskedOf:
    return asked_of({"docling": docling, "hf_xet": None}, prefix, PipelineSpec.parse(pipeline))


def test_an_answer_holds_for_the_packages_the_interpreter_and_the_pipeline_it_was_given_with(tmp_path: Path) -> None:
    remember_wanted(tmp_path, asked(), WANTED)
    assert remembered_wanted(tmp_path, asked()) == WANTED
    for other in (asked("2.144.0"), asked(prefix="/other"), asked(pipeline="formulas")):
        assert remembered_wanted(tmp_path, other) is None


@pytest.mark.parametrize(
    ("of", "wanted"),
    [
        (asked(pipeline="service.pipelines:options"), WANTED),
        (asked(), Wanted()),
        (asked(), WANTED.model_copy(update={"missing": (MissingPart(stage="x", type="y", message="z"),)})),
    ],
    ids=["code can change", "nothing was said", "something can be installed"],
)
def test_an_answer_that_may_change_by_itself_is_not_kept(tmp_path: Path, of: AskedOf, wanted: Wanted) -> None:
    remember_wanted(tmp_path, of, wanted)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_or_missing_answer_is_no_answer(tmp_path: Path) -> None:
    assert remembered_wanted(tmp_path, asked()) is None
    remember_wanted(tmp_path, asked(), WANTED)
    next(tmp_path.iterdir()).write_bytes(b"\0" * 20)
    assert remembered_wanted(tmp_path, asked()) is None
