"""Folders of the OCR engines: EasyOCR writes into one even when it needs nothing, RapidOCR brings models along."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from runbook_lib.checks.context import LOOK_LIMIT_S, ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.run.check import Verdict, ok, skip, warn
from runbook_lib.system.filesystem import FolderFacts, examine_folder

_VARIABLES: Final = ("EASYOCR_MODULE_PATH", "MODULE_PATH")
"""What easyocr 1.7 reads for its folder, in this order (`easyocr/config.py`)."""


def easyocr_folder(environ: Mapping[str, str]) -> Path:
    """Return where EasyOCR puts its models and a folder for the user's own networks: `~/.EasyOCR` by default."""
    given = next((environ[name] for name in _VARIABLES if environ.get(name)), "~/.EasyOCR")
    return Path(os.path.expanduser(given))  # noqa: PTH111 - Path.expanduser raises where there is no home


def _easyocr(context: ProbeContext) -> Verdict:
    named = any(context.environ.get(name) for name in _VARIABLES)
    installed = context.packages.version_text("easyocr")
    if not named and not installed:
        return skip("EasyOCR is not installed, and no variable names its folder")
    return judge_easyocr(examine_folder("easyocr", easyocr_folder(context.environ)), named=named)


def judge_easyocr(folder: FolderFacts, *, named: bool) -> Verdict:
    """Say whether EasyOCR can make its folders; it does so at every start, whatever model folder it is given."""
    seen = f"{folder.probed}: {folder.write_evidence}"
    if folder.writable:
        return ok(seen)
    remedy = "Correct EASYOCR_MODULE_PATH" if named else "Set EASYOCR_MODULE_PATH"
    return warn(
        f"EasyOCR cannot write its folder; {seen}",
        f"{remedy} to a folder that the user of the service may write to, in a container on a volume.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _rapidocr(context: ProbeContext) -> Verdict:
    version = context.packages.version_text("rapidocr")
    if not version:
        return skip("rapidocr is not installed")
    homes = (Path(folder, "rapidocr", "models") for folder in context.packages.folders)
    home = next((one for one in homes if one.is_dir()), None)
    models = sorted(home.glob("*.onnx")) if home else []
    return judge_rapidocr(version, home, [model.name for model in models])


def judge_rapidocr(version: str, home: Path | None, models: Sequence[str]) -> Verdict:
    """Say which models the wheel of rapidocr holds: where its download host is closed they need not be fetched."""
    if not models or home is None:
        return ok(f"rapidocr {version} brings no models along; they come from modelscope.cn")
    return ok(f"rapidocr {version} holds {len(models)} models in {home}: they can be copied from there, not fetched")


PROBES = (
    Probe("easyocr-folder", "EasyOCR can write its folder", "cache-not-writable", _easyocr, limit_s=LOOK_LIMIT_S),
    Probe("rapidocr-models", "it is known where RapidOCR's models come from", "docling-ocr-download-host", _rapidocr),
)
