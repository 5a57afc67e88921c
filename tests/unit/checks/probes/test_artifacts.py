"""docling's artifacts folder on disk."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from runbook_lib.cache.artifacts import STAMP_NAME, Stamp
from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.artifacts import PROBES, VARIABLE, judge_folder, judge_version
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.pipeline.wanted import Wanted, WantedOcr
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


def wanted_ocr(**changes: Any) -> WantedOcr:
    files = (ModelFile(name="det.pth", url="https://www.modelscope.cn/models/det.pth"),)
    good = {"engine": "rapidocr", "backend": "torch", "languages": (), "reason": "no onnxruntime", "folder": "RapidOcr"}
    return WantedOcr(**{**good, "files": files, **changes})


def with_ocr(made: ProbeContext, ocr: WantedOcr) -> ProbeContext:
    return replace(made, wanted=Wanted(ocr=ocr))


def test_ocr_is_looked_at_when_docling_was_asked_and_it_is_on(context: MakeContext, site: MakeSite) -> None:
    packages = site({"rapidocr": "3.10.0"})
    assert check("ocr-models", context(packages=packages)).status is Status.SKIP
    assert check("ocr-models", context(packages=packages, pipeline="ocr=off")).status is Status.SKIP
    wanted = with_ocr(context(packages=packages), wanted_ocr())
    found = check("ocr-models", wanted)
    assert found.status is Status.WARN
    assert "modelscope.cn" in found.remedy
    assert "no onnxruntime" in found.evidence, "the engine docling chose is named with the reason"
    model = wanted.artifacts_dir / "RapidOcr" / "det.pth"
    model.parent.mkdir(parents=True)
    model.write_bytes(bytes(8))
    assert check("ocr-models", wanted).status is Status.OK


def test_no_ocr_engine_at_all_is_a_warning_and_models_in_the_package_are_none(
    context: MakeContext, site: MakeSite
) -> None:
    made = context(packages=site({}))
    no_engine = check("ocr-models", with_ocr(made, wanted_ocr(engine="", files=())))
    assert (no_engine.status, no_engine.quirk) == (Status.WARN, "no-ocr-engine")
    shipped = (ModelFile(name="det.onnx", url="https://x.example/det.onnx", shipped="/site/rapidocr/models/det.onnx"),)
    assert check("ocr-models", with_ocr(made, wanted_ocr(files=shipped))).status is Status.OK


def test_bytes_that_are_not_the_model_are_found_by_the_list_of_the_installed_rapidocr(
    context: MakeContext, site: MakeSite
) -> None:
    """300 KB of noise look whole by size and suffix."""
    made = context(packages=site({"rapidocr": "3.10.0"}))
    package = Path(made.packages.folders[0]) / "rapidocr"
    package.mkdir()
    good = b"\x08\x07" + bytes(range(256)) * 1200
    listing = f"onnxruntime:\n  det:\n    model_dir: https://x.example/onnx/det.onnx\n    SHA256: {sha256(good)}\n"
    (package / "default_models.yaml").write_text(listing, encoding="utf-8")
    model = made.artifacts_dir / "RapidOcr" / "det.onnx"
    model.parent.mkdir(parents=True)
    model.write_bytes(good)
    assert check("ocr-model-files", made).status is Status.OK
    model.write_bytes(good[:-1] + b"?")
    found = check("ocr-model-files", made)
    assert found.status is Status.WARN
    assert "rapidocr's list" in found.evidence


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


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
