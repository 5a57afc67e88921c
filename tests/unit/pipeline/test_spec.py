"""The setting `pipeline`, in words."""

import pytest

from runbook_lib.pipeline.spec import NAMES, PipelineSpec


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("ocr=off", "ocr=off"),
        ("  formulas ,tables=off, ocr = rapidocr ", "ocr=rapidocr, tables=off, formulas"),
        ("picture-description", "picture-description"),
        ("picture-description=smolvlm, vlm=granite_docling", "picture-description=smolvlm, vlm=granite_docling"),
        ("code=on", "code"),
        ("service.pipelines:options", "service.pipelines:options"),
        ("pipelines:make.converter", "pipelines:make.converter"),
        ("code, code", "code"),
    ],
)
def test_what_is_asked_for_is_said_in_one_way(text: str, shown: str) -> None:
    spec = PipelineSpec.parse(text)
    assert str(spec) == shown
    assert PipelineSpec.parse(shown) == spec


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("orc=off", "the nearest is 'ocr'"),
        ("ocr", "ocr needs a value: ocr=off|auto|rapidocr|easyocr|tesseract"),
        ("ocr=true", "ocr can be off or auto or rapidocr or easyocr or tesseract, not 'true'"),
        ("vlm", "vlm needs a value: vlm=PRESET"),
        ("vlm=../x", "names no preset"),
        ("formulas=maybe", "formulas can be on or off"),
        ("code, code=off", "code is given twice"),
        ("module:", "is not part of a pipeline"),
        ("os.path:join()", "is not part of a pipeline"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_way_on(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("(", r"\(").replace("|", r"\|")):
        PipelineSpec.parse(text)


def test_only_ocr_and_code_may_take_files_that_are_no_repositories() -> None:
    assert not PipelineSpec.parse("formulas, ocr=off").asks_for_files
    assert PipelineSpec.parse("ocr=auto").asks_for_files
    assert PipelineSpec.parse("a.b:c").asks_for_files


def test_a_worker_is_told_names_it_knows() -> None:
    from runbook_lib.workers.scripts.wanted_pipeline import APPLY

    assert set(APPLY) | {"asr"} == set(NAMES)
