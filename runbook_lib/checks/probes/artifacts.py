"""What lies in docling's artifacts folder: the wrong level, another docling's folders, OCR models."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from packaging.version import Version

from runbook_lib.cache.artifacts import read_stamp
from runbook_lib.cache.content_signs import Finding, Sign, look_at
from runbook_lib.cache.hashing import sha256_of
from runbook_lib.cache.inventory import Role, entries_below
from runbook_lib.cache.walk import folders_in, names_in
from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.ocr.known_hashes import known_hashes
from runbook_lib.pipeline.wanted import WantedOcr
from runbook_lib.quirks.docling_versions import FOLDER_PREFIX, FOLDERS_RENAMED_IN, OLD_FOLDER_PREFIX
from runbook_lib.run.check import Verdict, fail, ok, skip, warn
from runbook_lib.system.filesystem import describe_os_error

VARIABLE = "DOCLING_ARTIFACTS_PATH"
_MODEL_FILES = ("config.json", "model.safetensors", "preprocessor_config.json")
_OCR_FOLDERS = ("RapidOcr", "EasyOcr")
"""Below the artifacts folder (docling 2.143, `_model_repo_folder`)."""
_OCR_SUFFIXES = frozenset({".onnx", ".pth", ".pt", ".zip", ".txt", ".ttf", ".paddle"})
_SMALL_MODEL_BYTES = 100_000
_WEIGHTS = frozenset({".onnx", ".pth", ".pt"})


def _folder(context: ProbeContext) -> Verdict:
    folder = context.artifacts_dir
    names = names_in(folder) if folder.is_dir() else None
    told = bool(context.environ.get(VARIABLE)) and not context.settings.artifacts_dir
    return judge_folder(folder, names, told=told)


def judge_folder(folder: Path, names: Sequence[str] | None, *, told: bool) -> Verdict:
    """Say whether the folder is the parent of `org--name` folders; `told` when a variable sends docling there now."""
    remedy = f"Run stage download, which fills it, and set {VARIABLE} to the parent of the org--name folders."
    if names is None:
        return (
            warn(f"{VARIABLE} names {folder}, which is not a folder", remedy, fixed_by=FixedBy.DOWNLOAD)
            if told
            else ok(f"{folder} is not there yet; stage download makes it")
        )
    if any(name in names for name in _MODEL_FILES):
        return fail(f"{folder} holds the files of one model, not folders of models", remedy, fixed_by=FixedBy.DOWNLOAD)
    if any(name.startswith("models--") for name in names):
        return fail(f"{folder} is a Hub cache, which docling cannot read", remedy, fixed_by=FixedBy.DOWNLOAD)
    models = [name for name in names if "--" in name]
    if not models and told:
        return warn(f"{VARIABLE} names {folder}, which holds no model", remedy, fixed_by=FixedBy.DOWNLOAD)
    return ok(f"{folder} holds {len(models)} models")


def _version(context: ProbeContext) -> Verdict:
    folder = context.artifacts_dir
    folders = [path for path in folders_in(folder) if "--" in path.name]
    stamps = {path.name: stamp.docling for path in folders if (stamp := read_stamp(path)) is not None}
    return judge_version(tuple(path.name for path in folders), stamps, context.packages.version("docling"))


def judge_version(folders: Sequence[str], stamps: Mapping[str, str], docling: Version | None) -> Verdict:
    """Compare what the folders were made for with the docling that is to read them."""
    if not folders:
        return ok("there are no folders of models yet")
    if docling is None:
        return skip("docling is not installed")
    remedy = "Run stage download with this docling: names, revisions and file sets belong to a release."
    old = [name for name in folders if name.startswith(OLD_FOLDER_PREFIX)]
    current = {name.removeprefix(FOLDER_PREFIX) for name in folders if name.startswith(FOLDER_PREFIX)}
    alone = [name for name in old if name.removeprefix(OLD_FOLDER_PREFIX) not in current]
    if alone and docling >= FOLDERS_RENAMED_IN:
        seen = f"{alone[0]} is a name of docling before {FOLDERS_RENAMED_IN}; installed is {docling}"
        return warn(seen, remedy, fixed_by=FixedBy.DOWNLOAD)
    others = {name: version for name, version in stamps.items() if version != str(docling)}
    if others:
        name, version = next(iter(others.items()))
        return warn(
            f"{name} was made for docling {version or '(none)'}; installed is {docling}",
            remedy,
            fixed_by=FixedBy.DOWNLOAD,
        )
    unknown = len(folders) - len(stamps)
    return ok(f"{len(stamps)} folders made for docling {docling}" + (f", {unknown} without a stamp" if unknown else ""))


def _ocr(context: ProbeContext) -> Verdict:
    spec = context.settings.pipeline_spec
    if dict(spec.choices).get("ocr") == "off":
        return skip("OCR is off in this pipeline; a service that turns it on needs models that the Hub has not")
    if context.wanted.ocr is None:
        found = [name for name in _OCR_FOLDERS if any(_ocr_files(context.artifacts_dir / name))]
        return skip(f"docling was not asked; the artifacts folder holds {', '.join(found) or 'no models for OCR'}")
    folder = context.artifacts_dir / context.wanted.ocr.folder
    absent = tuple(file.name for file in context.wanted.ocr.files if not (folder / file.name).is_file())
    shipped = all(file.shipped for file in context.wanted.ocr.files if file.name in absent)
    return judge_ocr(context.wanted.ocr, absent, shipped=shipped)


def judge_ocr(ocr: WantedOcr, absent: Sequence[str], *, shipped: bool) -> Verdict:
    """Say whether docling's OCR engine finds its models: they come from ModelScope or GitHub, whatever the Hub is."""
    why = f" ({ocr.reason})" if ocr.reason else ""
    if not ocr.engine:
        remedy = "Install one: pip install docling[rapidocr]."
        return warn(f"docling finds no OCR engine{why}", remedy, quirk="no-ocr-engine")
    if not ocr.files:
        return ok(f"{ocr} keeps its models elsewhere{why}")
    if not absent:
        return ok(f"{ocr}: {len(ocr.files)} files are there{why}")
    seen = f"{ocr}: {absent[0]} is not in the artifacts folder{why}"
    if shipped:
        return ok(f"{seen}; stage download copies it from the installed package")
    return warn(
        seen,
        "Run stage download with a network that reaches modelscope.cn or github.com, or with -p ocr_mirror URL; or"
        " install onnxruntime, whose models the rapidocr package brings along.",
        fixed_by=FixedBy.DOWNLOAD,
    )


def _ocr_content(context: ProbeContext) -> Verdict:
    inside = context.packages.module("rapidocr")
    homes = [context.artifacts_dir / name for name in _OCR_FOLDERS] + ([inside / "models"] if inside else [])
    files = [path for home in homes for path in _ocr_files(home)]
    hashes = known_hashes(inside)
    problems = {path: seen for path in files if (seen := _ocr_problem(path, hashes.get(path.name, frozenset())))}
    return judge_ocr_content(len(files), problems)


def _ocr_files(home: Path) -> Iterator[Path]:
    entries = entries_below(home, Role.OTHER)
    return (entry.path for entry in entries if entry.path.suffix.lower() in _OCR_SUFFIXES and entry.content())


def _ocr_problem(path: Path, hashes: frozenset[str]) -> str:
    """Say what stands in place of a model: an error page that docling's downloader took for it, or other bytes."""
    if path.suffix.lower() not in _WEIGHTS:
        return ""
    try:
        finding: Finding | None = look_at(path, known_bad=True)
        size_bytes = path.stat().st_size
    except OSError as error:
        return describe_os_error(error)
    if finding is not None and finding.sign is not Sign.PICKLE:
        return f"{finding.sign.value}: {finding.evidence}"
    if size_bytes < _SMALL_MODEL_BYTES:
        return f"only {size_bytes} bytes"
    return "not one of the contents that rapidocr's list knows" if hashes and not _has_one(path, hashes) else ""


def _has_one(path: Path, hashes: frozenset[str]) -> bool:
    try:
        return sha256_of(path) in hashes
    except OSError:
        return False


def judge_ocr_content(count: int, problems: Mapping[Path, str]) -> Verdict:
    """Say whether OCR models are what they seem: docling's downloader checks neither status nor hash (2.143)."""
    if not problems:
        return ok(f"{count} files of OCR models look whole" if count else "there are no OCR models")
    path, seen = next(iter(problems.items()))
    return warn(
        f"{len(problems)} of {count} files are not models: {path}: {seen}",
        "Run runbook repair: it moves them aside and puts the right ones there. What is wrong inside the rapidocr"
        " package itself is fixed by installing it again.",
        fixed_by=FixedBy.VERIFY,
    )


PROBES = (
    Probe("artifacts-folder", "the artifacts folder is the right level", "docling-artifacts-path", _folder),
    Probe("artifacts-version", "the artifacts belong to this docling", "docling-artifacts-renamed", _version),
    Probe("ocr-models", "OCR finds its models", "docling-ocr-download-host", _ocr),
    Probe("ocr-model-files", "OCR models are not error pages", "docling-ocr-html-saved", _ocr_content),
)
