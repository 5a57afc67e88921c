"""The folder of an OCR engine: what it should hold, by the engine's own list of models."""

from pathlib import Path

from runbook_lib.cache.artifacts import read_stamp
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.ocr.plan import known_sha256
from runbook_lib.pipeline.wanted import WantedOcr
from runbook_lib.stages.verify.expected import Expectation, ExpectedFile
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind
from runbook_lib.stages.verify.sources import Known, Locked


def ocr_model(ocr: WantedOcr) -> ModelRef:
    """Return the name under which the folder is verified and locked: `RapidOcr@onnxruntime`."""
    return ModelRef(ocr.folder, ocr.backend or ocr.engine)


def known_of_ocr(folder: Path, ocr: WantedOcr, locked: Locked | None) -> Known:
    """Return what the folder should hold; other files in it belong to other languages and engines."""
    if locked is not None and (expectation := locked.get(ocr_model(ocr))):
        return Known(expectation)
    doubts = []
    if locked is not None:
        evidence = "another docling, another engine, or OCR was off when it was locked"
        doubts.append(FileProblem(path=str(ocr_model(ocr)), kind=ProblemKind.NOT_LOCKED, evidence=evidence))
    files = tuple(_expected(folder, file) for file in ocr.files)
    unknown = [file for file in files if not file.digest]
    for file in unknown:
        evidence = f"{ocr.engine} names no hash of it, and it was not placed by stage download"
        doubts.append(FileProblem(path=file.path, kind=ProblemKind.UNVERIFIED, evidence=evidence))
    expected = tuple(file for file in files if file.digest)
    return Known(Expectation("", expected, f"{ocr.engine}'s own list of models"), tuple(doubts))


def _expected(folder: Path, file: ModelFile) -> ExpectedFile:
    sha256 = known_sha256(folder, file)
    if sha256 or not file.md5:
        return ExpectedFile(file.name, _placed_bytes(folder, file), "sha256", sha256, sha256)
    return ExpectedFile(file.name, None, "md5", file.md5, file.md5)


def _placed_bytes(folder: Path, file: ModelFile) -> int | None:
    """Return the length it was placed with: a shorter file is told without reading it."""
    stamp = read_stamp(folder)
    placed = stamp.files.get(file.name) if stamp else None
    return placed.size_bytes if placed and file.sha256 in ("", placed.etag) else None
