"""What docling answered once need not be asked again."""

from pathlib import Path

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.run.wanted_models import remember_models, remembered_models

MODELS = (ModelRef("org/layout"), ModelRef("org/tables", "v2.3.0"))


def test_an_answer_holds_for_the_packages_it_was_given_with(tmp_path: Path) -> None:
    remember_models(tmp_path, {"docling": "2.143.0", "hf_xet": None}, MODELS)
    assert remembered_models(tmp_path, {"docling": "2.143.0", "hf_xet": None}) == MODELS
    assert remembered_models(tmp_path, {"docling": "2.144.0", "hf_xet": None}) is None


def test_a_damaged_or_missing_answer_is_no_answer(tmp_path: Path) -> None:
    assert remembered_models(tmp_path, {}) is None
    remember_models(tmp_path, {}, MODELS)
    next(tmp_path.iterdir()).write_bytes(b"\0" * 20)
    assert remembered_models(tmp_path, {}) is None
