"""Versions of huggingface_hub and docling: left open, or known to fail."""

import re
from collections.abc import Iterator

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.dependencies import installed_by
from runbook_lib.audit.parsers.image import last_image
from runbook_lib.audit.repository import HUB, ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import in_command
from runbook_lib.audit.sources.kinds import Kind, is_documentation
from runbook_lib.quirks.hub_versions import RACE_FIXED_IN

_ONE_RELEASE = ("docling", "docling-slim")
"""Since 2.92 the first asks for exactly that version of the second (told from the wheels 2.90.0 to 2.143.0)."""
_MATTERS = (HUB, *_ONE_RELEASE)
_RACE_FIXED = str(RACE_FIXED_IN)


_LIBRARY = re.compile(r"^\[build-system\]", re.MULTILINE)


def _open_version(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if source.is_test or is_documentation(source.source.path) or _is_library(source):
        return
    for dependency in source.dependencies:
        siblings = _ONE_RELEASE if dependency.name in _ONE_RELEASE else (dependency.name,)
        if dependency.name in _MATTERS and not any(map(repository.is_bounded, siblings)):
            yield Hit(dependency.line, f"any version of {dependency.name} will do", scope=dependency.scope)


def _is_library(source: ParsedSource) -> bool:
    """Tell whether a pyproject.toml is that of a package for others, who choose the versions themselves."""
    return source.kind is Kind.TOML and bool(_LIBRARY.search(source.source.text))


def _symlink_race(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if repository.symlinks_are_disabled or not repository.runs_on_windows:
        return
    for first, dependency in repository.pins(HUB)[:1]:
        if first is source and dependency.is_before(_RACE_FIXED):
            message = "this version may fail with WinError 1314 when it downloads with several workers"
            yield Hit(dependency.line, message, scope=dependency.scope)


_EXACT_UP_TO = 28
_OPEN_PAIRS = {29: "2.14"}
_OFFSET = 15


def _torch_pair(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    pins = {one.name: one for one in source.dependencies if one.name in {"torch", "torchvision"} and one.pinned}
    torch, vision = pins.get("torch"), pins.get("torchvision")
    if torch is None or vision is None or torch.pinned is None or vision.pinned is None or source.is_test:
        return
    wanted = _torch_for(vision.pinned)
    if wanted and not wanted.contains(Version(torch.pinned.base_version)):
        message = f"torchvision {vision.pinned} needs torch {wanted}, and {torch.pinned} is asked for"
        yield Hit(vision.line, message, scope=vision.scope)


def _torch_for(vision: Version) -> SpecifierSet | None:
    """Return the torch that a torchvision needs: one minor release each up to 0.28, from 2.14 on since 0.29."""
    if vision.major != 0 or vision.minor < _OFFSET:
        return None
    if vision.minor <= _EXACT_UP_TO:
        return SpecifierSet(f"==2.{vision.minor - _OFFSET}.*")
    return SpecifierSet(f">={_OPEN_PAIRS[vision.minor]}") if vision.minor in _OPEN_PAIRS else None


_SPLIT_IN = Version("2.92.0")


def _docling_pair(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    pins = {one.name: one for one in source.dependencies if one.name in _ONE_RELEASE and one.pinned}
    whole, slim = map(pins.get, _ONE_RELEASE)
    if whole is None or slim is None or whole.pinned is None or source.is_test:
        return
    if whole.pinned >= _SPLIT_IN and whole.pinned != slim.pinned:
        message = f"docling {whole.pinned} needs docling-slim {whole.pinned}, and {slim.pinned} is asked for"
        yield Hit(slim.line, message, scope=slim.scope)


def _rapidocr_package(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if source.is_test or is_documentation(source.source.path) or not any(map(repository.asks_for, _DOCLING)):
        return
    for dependency in source.dependencies:
        if dependency.name.startswith("rapidocr-") and not source.source.path.endswith(".lock"):
            message = f"{dependency.name} is the old package; docling imports rapidocr"
            yield Hit(dependency.line, message, scope=dependency.scope)


_DOCLING = ("docling", "docling-slim", "docling-serve")
_NEEDS_GL = {"opencv-python", "opencv-contrib-python"}
_BRINGS_GL = re.compile(
    r"libgl1|libgl1-mesa|mesa-libGL|libopengl|ffmpeg|opencv-python-headless|\blibgl\b", re.IGNORECASE
)
_FROM_FILE = re.compile(r"(?:-r|--requirement)[\s=]+(\S+)")


def _opencv_in_slim(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    image = last_image(source.instructions)
    if image is None or source.is_test or "slim" not in image.base:
        return
    runs = [step.instruction.command for step in image.steps if step.instruction.keyword == "RUN"]
    if any(_BRINGS_GL.search(command.text) for command in runs):
        return
    for command in runs:
        files = {name.rpartition("/")[2] for name in _FROM_FILE.findall(command.text)}
        listed = (one for other in repository.sources if other.source.path in files for one in other.dependencies)
        named = [one.name for one in (*installed_by(command), *listed) if one.name in _NEEDS_GL]
        if named:
            yield in_command(command, 0, f"{named[0]} needs libGL.so.1, which this image does not have")


RULES = (
    Rule(
        id="open-version",
        title="The version of huggingface_hub or docling is left open",
        reason="Names and revisions of the models are part of each docling release, and which remedy works depends on "
        "the version of huggingface_hub: the next build may need other models and fail otherwise.",
        remedy="Pin the version, give it an upper bound, or keep a lock or constraints file in the repository.",
        severity=Severity.WARNING,
        quirk="docling-artifacts-renamed",
        bad={"requirements.txt": "docling\nhuggingface_hub>=1.33\n"},
        good={"requirements.txt": "docling==2.143.0\nhuggingface_hub>=1.33,<2\n"},
        check=_open_version,
        words=("docling", "hugging"),
    ),
    Rule(
        id="symlink-race-version",
        title="huggingface_hub before 1.33 is required, and there are signs of Windows",
        reason="Until 1.32 the probe for symlinks is published before it ends: with more than one worker (the default "
        "is 8) a second thread creates a link and the error escapes.",
        remedy="Require huggingface_hub >= 1.33; or set HF_HUB_DISABLE_SYMLINKS=1 (>= 1.9) before Python starts.",
        severity=Severity.NOTE,
        quirk="quirk-001",
        bad={"requirements.txt": "huggingface_hub==1.32.0\n", "start.bat": "uvicorn app.main:app\n"},
        good={"requirements.txt": "huggingface_hub==1.33.0\n", "start.bat": "uvicorn app.main:app\n"},
        check=_symlink_race,
        words=("hugging",),
    ),
    Rule(
        id="torch-pair",
        title="torch and torchvision are pinned to releases that do not belong together",
        reason="pip refuses the pair; where it does not: 'operator torchvision::nms does not exist'.",
        remedy="Pin the pair: torchvision 0.N belongs to torch 2.(N-15) up to 0.28; 0.29 takes torch from 2.14 on.",
        severity=Severity.ERROR,
        quirk="torch-torchvision-mismatch",
        bad={"requirements.txt": "torch==2.9.0\ntorchvision==0.25.0\n"},
        good={"requirements.txt": "torch==2.10.0\ntorchvision==0.25.0\n"},
        check=_torch_pair,
        words=("torchvision",),
    ),
    Rule(
        id="docling-pair",
        title="docling and docling-slim are pinned to different versions",
        reason="Each docling since 2.92 is a shell around the docling-slim of its own version: pip refuses the pair, "
        "and where the two are installed one after the other, one of them replaces the other's.",
        remedy="Pin one of them, or both to the same version.",
        severity=Severity.ERROR,
        quirk="docling-core-mismatch",
        bad={"requirements.txt": "docling==2.143.0\ndocling-slim==2.140.0\n"},
        good={"requirements.txt": "docling==2.143.0\ndocling-slim==2.143.0\n"},
        check=_docling_pair,
        words=("docling-slim", "docling_slim"),
    ),
    Rule(
        id="rapidocr-package",
        title="RapidOCR is installed under its old name",
        reason="rapidocr-onnxruntime brings another module than the one docling imports: no OCR engine is found, and "
        "scans come out empty.",
        remedy="Install rapidocr and onnxruntime, or docling[rapidocr].",
        severity=Severity.ERROR,
        quirk="no-ocr-engine",
        bad={"requirements.txt": "docling==2.143.0\nrapidocr-onnxruntime==1.4.4\n"},
        good={"requirements.txt": "docling==2.143.0\nrapidocr==3.10.0\nonnxruntime==1.23.2\n"},
        check=_rapidocr_package,
        words=("rapidocr",),
    ),
    Rule(
        id="opencv-in-slim",
        title="opencv-python is installed in a slim image",
        reason="It needs libGL.so.1, which slim images lack: the import of cv2 fails, and with it OCR.",
        remedy="Install opencv-python-headless instead, or add the Debian package libgl1.",
        severity=Severity.ERROR,
        quirk="libgl-missing",
        bad={"Dockerfile": "FROM python:3.12-slim\nRUN pip install opencv-python==4.12.0.88\n"},
        good={"Dockerfile": "FROM python:3.12-slim\nRUN pip install opencv-python-headless==4.12.0.88\n"},
        check=_opencv_in_slim,
        kinds=(Kind.DOCKERFILE,),
        words=("slim",),
    ),
)
