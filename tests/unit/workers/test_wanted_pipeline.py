"""What an installed docling cannot do is said, without any docling."""

from types import SimpleNamespace
from typing import Any

import pytest

from runbook_lib.workers.scripts.installed_extras import remedy_for
from runbook_lib.workers.scripts.wanted_pipeline import APPLY, CannotBuild


def option(**fields: Any) -> SimpleNamespace:
    return SimpleNamespace(pipeline_options=SimpleNamespace(**fields))


@pytest.mark.parametrize("name", ["tables", "formulas", "code", "picture-classes", "charts"])
def test_a_switch_turns_its_field_and_nothing_else(name: str) -> None:
    fields = {
        "tables": "do_table_structure",
        "formulas": "do_formula_enrichment",
        "code": "do_code_enrichment",
        "picture-classes": "do_picture_classification",
        "charts": "do_chart_extraction",
    }
    changed = option(**dict.fromkeys(fields.values(), "as it was"))
    APPLY[name](changed, "on")
    assert vars(changed.pipeline_options) == {**dict.fromkeys(fields.values(), "as it was"), fields[name]: True}


def test_a_field_that_an_older_docling_has_not_is_an_error_that_names_it() -> None:
    with pytest.raises(CannotBuild, match="do_formula_enrichment"):
        APPLY["formulas"](option(), "on")


def test_ocr_off_needs_no_options_class() -> None:
    changed = option(do_ocr=True)
    APPLY["ocr"](changed, "off")
    assert changed.pipeline_options.do_ocr is False


@pytest.mark.parametrize(
    ("module", "install"),
    [
        ("torch", "docling-slim[models-local]"),
        ("onnxruntime", "docling-slim[feat-ocr-rapidocr-onnx]"),
        ("rapidocr", "docling-slim[feat-ocr-rapidocr]"),
        ("easyocr", "docling-slim[feat-ocr-easyocr]"),
        ("whisper", "docling-slim[format-audio]"),
        ("nothing_like_it", "nothing-like-it"),
    ],
)
def test_the_extra_that_brings_a_package_is_read_from_the_installed_docling(module: str, install: str) -> None:
    assert remedy_for(module) == install
