"""Folders of the OCR engines."""

import sys
from pathlib import Path

import pytest

from runbook_lib.checks.probes.ocr_engines import easyocr_folder, judge_easyocr, judge_rapidocr
from runbook_lib.run.check import Status
from runbook_lib.system.filesystem import examine_folder


def test_where_easyocr_writes() -> None:
    assert easyocr_folder({"EASYOCR_MODULE_PATH": "/a", "MODULE_PATH": "/b"}) == Path("/a")
    assert easyocr_folder({"MODULE_PATH": "/b"}) == Path("/b")
    assert easyocr_folder({}).name == ".EasyOCR"


def test_a_folder_that_can_be_made_is_fine(tmp_path: Path) -> None:
    assert judge_easyocr(examine_folder("easyocr", tmp_path / "new"), named=True).status is Status.OK


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(("named", "word"), [(True, "Correct"), (False, "Set")])
def test_a_folder_that_cannot_be_written_is_named_with_the_variable(named: bool, word: str) -> None:
    verdict = judge_easyocr(examine_folder("easyocr", Path("/proc/x")), named=named)
    assert verdict.status is Status.WARN
    assert verdict.remedy.startswith(f"{word} EASYOCR_MODULE_PATH")


def test_models_in_the_wheel_need_not_be_fetched(tmp_path: Path) -> None:
    assert "can be copied from there" in judge_rapidocr("3.10.0", tmp_path, ["a.onnx", "b.onnx"]).evidence
    assert "modelscope.cn" in judge_rapidocr("3.10.0", None, []).evidence
