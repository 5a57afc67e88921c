"""docling's artifacts folder on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.version import Version

from runbook_lib.cache.artifacts import STAMP_NAME, Stamp
from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.artifacts import PROBES, VARIABLE, judge_folder, judge_version
from runbook_lib.run.check import Check, Status
from runbook_lib.system.packages import SitePackages

MakeContext = Callable[..., ProbeContext]
MakeSite = Callable[..., SitePackages]
BY_ID = {probe.id: probe for probe in PROBES}
TABLES = "docling-project--docling-models"


def check(name: str, context: ProbeContext) -> Check:
    return BY_ID[name].check(context)


@pytest.mark.parametrize(
    ("names", "told", "status"),
    [
        (None, False, Status.OK),
        (None, True, Status.WARN),
        ((), False, Status.OK),
        ((), True, Status.WARN),
        ((TABLES,), True, Status.OK),
        (("config.json", "model.safetensors"), False, Status.FAIL),
        (("models--docling-project--docling-models",), False, Status.FAIL),
    ],
)
def test_the_folder_is_judged_by_its_level(names: tuple[str, ...] | None, told: bool, status: Status) -> None:
    assert judge_folder(Path("/artifacts"), names, told=told).status is status


def test_a_variable_that_names_no_folder_is_named(context: MakeContext, tmp_path: Path) -> None:
    found = check("artifacts-folder", context(environ={VARIABLE: str(tmp_path / "artifacts")}))
    assert found.status is Status.WARN
    assert VARIABLE in found.evidence


def stamp(folder: Path, docling: str) -> None:
    folder.mkdir(parents=True)
    made = Stamp(
        repo_id="docling-project/docling-models", revision="v2.3.0", commit="a" * 40, docling=docling, files={}
    )
    (folder / STAMP_NAME).write_text(made.model_dump_json(), encoding="utf-8")


@pytest.mark.parametrize(("stamped", "status"), [("2.143.0", Status.OK), ("2.61.0", Status.WARN)])
def test_folders_made_for_another_docling_are_a_warning(
    context: MakeContext, site: MakeSite, stamped: str, status: Status
) -> None:
    made = context(packages=site({"docling": "2.143.0"}))
    stamp(made.artifacts_dir / TABLES, stamped)
    found = check("artifacts-version", made)
    assert found.status is status
    assert stamped in found.evidence


@pytest.mark.parametrize(
    ("folders", "docling", "status"),
    [
        (("ds4sd--docling-models",), "2.143.0", Status.WARN),
        (("ds4sd--docling-models",), "2.61.1", Status.OK),
        (("ds4sd--docling-models", TABLES), "2.143.0", Status.OK),
        ((TABLES,), None, Status.SKIP),
        ((), "2.143.0", Status.OK),
    ],
)
def test_the_old_names_matter_since_2_61_2(folders: tuple[str, ...], docling: str | None, status: Status) -> None:
    assert judge_version(folders, {}, Version(docling) if docling else None).status is status


def test_ocr_is_asked_for_only_when_it_is_on(context: MakeContext, site: MakeSite) -> None:
    packages = site({"rapidocr": "3.10.0"})
    assert check("ocr-models", context(packages=packages)).status is Status.SKIP
    wanted = context(packages=packages, ocr=True)
    found = check("ocr-models", wanted)
    assert found.status is Status.WARN
    assert "modelscope.cn" in found.remedy
    model = wanted.artifacts_dir / "RapidOcr" / "torch" / "det.pth"
    model.parent.mkdir(parents=True)
    model.write_bytes(bytes(8))
    assert check("ocr-models", wanted).status is Status.OK


def test_an_error_page_in_place_of_an_ocr_model_is_found(context: MakeContext, site: MakeSite) -> None:
    made = context(packages=site({}))
    home = made.artifacts_dir / "RapidOcr"
    home.mkdir(parents=True)
    (home / "good.onnx").write_bytes(b"\x08\x07" + bytes(range(256)) * 500)
    assert check("ocr-model-files", made).status is Status.OK
    (home / "det.pth").write_bytes(b"<!DOCTYPE html><html><body>403 blocked by policy</body></html>")
    (home / "rec.onnx").write_bytes(b"\x08\x07short")
    found = check("ocr-model-files", made)
    assert found.status is Status.WARN
    assert "2 of 3 files" in found.evidence
    assert "web page" in found.evidence
