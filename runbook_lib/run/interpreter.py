"""What the interpreter under examination has installed: the service's when `target_python` names one, else ours."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from packaging.version import InvalidVersion, Version

from runbook_lib.cache.incomplete_files import IncompleteFile, abandoned
from runbook_lib.core.value import Masked, MaskedAddress, Value
from runbook_lib.pipeline.answer import Answer, AnsweredBy
from runbook_lib.pipeline.known_answers import known_answer
from runbook_lib.pipeline.spec import PipelineSpec
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.quirks.hub_versions import resumes_downloads
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import Target
from runbook_lib.run.wanted_models import AskedOf, asked_of, remembered_wanted
from runbook_lib.system.packages import SitePackages, own_packages
from runbook_lib.workers.host import Interpreter

PACKAGES = (
    "docling",
    "huggingface_hub",
    "hf_xet",
    "torch",
    "torchvision",
    "transformers",
    "rapidocr",
    "onnxruntime",
    "easyocr",
)
"""What decides which models docling asks for and which remedies work. `docling` is the package, whether docling-slim or
docling brings it."""
_LIST_LIMIT_S = 20.0
_DESCRIBE_LIMIT_S = 60.0
_MODELS_LIMIT_S = 240.0
ASKING = "list_pipeline_models"
"""The verb that has docling say which models its pipeline takes."""


class InterpreterFacts(Value):
    """An interpreter, its packages and what its huggingface_hub makes of the environment."""

    executable: str
    version: str
    prefix: str
    packages: dict[str, str | None]
    hub_constants: dict[str, bool | int | MaskedAddress | None]
    hub_problem: Masked = ""
    """Why huggingface_hub could not be imported; empty when it could, or is not installed."""

    @property
    def hub_version(self) -> Version | None:
        """The installed huggingface_hub; None when there is none or its version cannot be read."""
        return self._version("huggingface_hub")

    @property
    def xet_version(self) -> Version | None:
        """The installed hf-xet; None when there is none or its version cannot be read."""
        return self._version("hf_xet")

    def _version(self, package: str) -> Version | None:
        try:
            return Version(self.packages.get(package) or "")
        except InvalidVersion:
            return None


def interpreter_of(target: Target, variables: Mapping[str, str] | None = None) -> Interpreter:
    """Return the interpreter under examination, under these variables and the target's endpoint."""
    overlay = {**({"HF_ENDPOINT": target.endpoint} if target.endpoint else {}), **(variables or {})}
    named = target.settings.target_python
    return Interpreter(Path(named), overlay) if named else Interpreter(variables=overlay)


def docling_of(target: Target, variables: Mapping[str, str] | None = None) -> Interpreter:
    """Return the interpreter that docling is asked in and converts in: offline, under these variables and our own."""
    offline = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(target.cache_dir)}
    return replace(interpreter_of(target, {**(variables or {}), **offline}), may_stand=True)


def packages_of(settings: Settings) -> SitePackages:
    """Return the packages of the interpreter under examination; raises `RunbookError` when it cannot be started."""
    if not settings.target_python:
        return own_packages()
    told = Interpreter(Path(settings.target_python)).run("list_site_folders", limit_s=_LIST_LIMIT_S).value
    return SitePackages(
        executable=told["executable"],
        python=told["version"],
        prefix=Path(told["prefix"]),
        folders=tuple(told["folders"]),
    )


def versions_of(packages: SitePackages) -> dict[str, str | None]:
    """Return the versions that decide which models docling wants, read from metadata: no process is started."""
    return {name: packages.version_text(name) for name in PACKAGES}


def abandoned_files(target: Target, packages: SitePackages | None = None) -> tuple[IncompleteFile, ...]:
    """Return the incomplete files that no download of the installed huggingface_hub will go on with, an hour old."""
    found = abandoned(target.cache_dir, target.artifacts_dir)
    if not any(file.is_resumable for file in found):
        return found
    packages = packages or packages_of(target.settings)
    resumes = resumes_downloads(packages.version("huggingface_hub"))
    return tuple(file for file in found if not (resumes and file.is_resumable))


def collect_interpreter(interpreter: Interpreter) -> InterpreterFacts:
    """Ask the interpreter what it has; imports huggingface_hub there, not here."""
    answer = interpreter.run("describe_interpreter", {"packages": PACKAGES}, limit_s=_DESCRIBE_LIMIT_S)
    return InterpreterFacts.model_validate(answer.value)


def collect_answer(
    target: Target,
    kept_for: AskedOf | None = None,
    packages: SitePackages | None = None,
    variables: Mapping[str, str] | None = None,
) -> Answer:
    """Return the models asked for by name, or what the interpreter's docling says its pipeline takes.

    Asking takes it seconds; an answer that is kept beside the models and holds for `kept_for` is taken instead, or one
    that is known for these very `packages`. Models that are named stand in place of those docling asks for; its OCR
    models are then asked for only when `pipeline` says anything about it. It is asked under `variables`, those that are
    planned.
    """
    named, spec = target.settings.model_refs(), target.settings.pipeline_spec
    if named is not None and not spec.asks_for_files:
        return Answer(wanted=Wanted.named(named), by=AnsweredBy.NAMED)
    wanted, by = remembered_wanted(target.artifacts_dir, kept_for) if kept_for else None, AnsweredBy.KEPT
    docling = docling_of(target, variables)
    if wanted is None and packages is not None:
        wanted, by = known_answer(packages, spec, docling.environment()), AnsweredBy.KNOWN
    if wanted is None:
        wanted, by = ask_docling(docling, spec), AnsweredBy.ASKED
    return Answer(wanted=wanted if named is None else wanted.with_named(named), by=by)


def collect_wanted(target: Target, kept_for: AskedOf | None = None) -> Wanted:
    """Return what `collect_answer` finds without what is known: docling of this machine said it, or the settings."""
    return collect_answer(target, kept_for).wanted


def wanted_for(target: Target, packages: Mapping[str, str | None], prefix: str) -> AskedOf:
    """Say what an answer of the interpreter with these packages (`PACKAGES`) holds for."""
    return asked_of(packages, prefix, target.settings.pipeline_spec)


def ask_docling(docling: Interpreter, spec: PipelineSpec) -> Wanted:
    """Have docling build the pipeline and say what it takes; imports it there."""
    answer = docling.run(ASKING, {"pipeline": spec.request()}, limit_s=_MODELS_LIMIT_S)
    return Wanted.model_validate(answer.value)
