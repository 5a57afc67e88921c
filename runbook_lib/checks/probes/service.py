"""A service that converts: what stands in the way of docling-serve before it starts, what a running one answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from runbook_lib.cache.walk import walk
from runbook_lib.checks.context import LOOK_LIMIT_S, ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.run.check import Verdict, fail, ok, skip, warn
from runbook_lib.system.loopback import is_loopback
from runbook_lib.system.service_health import ALIVE_PATHS, READY_PATHS, HealthAnswer, ServiceFacts, examine_service

LIBRARY, SERVE = "DOCLING_ARTIFACTS_PATH", "DOCLING_SERVE_ARTIFACTS_PATH"
BOOT: Final = "DOCLING_SERVE_LOAD_MODELS_AT_BOOT"
_FALSE: Final = frozenset(("0", "off", "f", "false", "n", "no"))
"""What pydantic reads as false, which reads docling-serve's variables."""


@dataclass(frozen=True)
class ServeFolder:
    """Where docling-serve will look for models."""

    given: str
    """What the variable says; empty when it is unset or empty, which is the same to docling-serve."""
    path: Path
    """As it is seen from this process: a relative path means another folder elsewhere."""
    is_folder: bool
    library: str
    """What the library's own variable says, which docling falls back to."""


def is_serve(context: ProbeContext) -> bool:
    """Whether the interpreter under examination is one that docling-serve runs in."""
    return context.packages.version_text("docling-serve") is not None


def _folder(context: ProbeContext) -> Verdict:
    given = context.environ.get(SERVE, "")
    if not is_serve(context):
        told = f"; {SERVE} is read by nobody there, and check variables says what the library reads" if given else ""
        return skip(f"docling-serve is not installed there{told}")
    path = Path(given).expanduser()
    seen = ServeFolder(given, path, bool(given) and path.is_dir(), context.environ.get(LIBRARY, ""))
    return judge_folder(seen, context.artifacts_dir)


def judge_folder(folder: ServeFolder, prepared: Path) -> Verdict:
    """Say whether docling-serve reads the folder that was prepared, or downloads at run time without an error."""
    remedy = f"Set {SERVE}={prepared}, an absolute path to the folder above the org--name folders; in a container"
    remedy += " mount it there. HF_HUB_OFFLINE=1 makes a folder that is missing an error."
    if not folder.given:
        if folder.library:
            return ok(f"{SERVE} is unset; docling reads {LIBRARY}={folder.library}")
        return warn(f"{SERVE} is unset: docling-serve downloads at run time", remedy, fixed_by=FixedBy.CONFIGURE_ENV)
    if not folder.is_folder:
        seen = f"{SERVE} names {folder.given}, which is not a folder: docling-jobkit only warns, and downloads"
        return fail(seen, remedy, fixed_by=FixedBy.CONFIGURE_ENV)
    if not folder.path.is_absolute():
        return warn(
            f"{SERVE} is {folder.given}, another folder in every working folder",
            remedy,
            fixed_by=FixedBy.CONFIGURE_ENV,
        )
    return ok(f"{SERVE} names {folder.given}")


def _models(context: ProbeContext) -> Verdict:
    given = context.environ.get(SERVE, "") or (context.environ.get(LIBRARY, "") if is_serve(context) else "")
    if not given:
        return skip("no variable names the artifacts folder of a docling-serve")
    folder = Path(given).expanduser()
    if not folder.is_dir():
        return skip(f"{given} is not a folder: see check serve-artifacts")
    if not context.wanted.models:
        return skip("docling was not asked which models its pipeline takes; stage detect asks")
    return judge_models(given, tuple(_missing(folder, context.wanted)))


def _missing(folder: Path, wanted: Wanted) -> Sequence[str]:
    models = [str(model) for model in wanted.models if not _holds_files(folder / model.folder_name)]
    ocr = wanted.ocr
    files = [] if ocr is None or not ocr.folder else [f"{ocr.folder}/{file.name}" for file in ocr.files]
    return (*models, *(name for name in files if not (folder / name).is_file()))


def _holds_files(folder: Path) -> bool:
    return next(walk(folder), None) is not None


def judge_models(folder: str, missing: Sequence[str]) -> Verdict:
    """Say whether the folder that the service reads holds, by name, what the pipeline asks for."""
    if not missing:
        return ok(f"{folder} holds, by name, every model the pipeline takes")
    return fail(
        f"{folder} lacks {', '.join(missing)}: with a folder given, nothing is downloaded, and that conversion fails",
        "Run stage download with -p artifacts_dir for that very folder and -p pipeline for what the service does.",
        fixed_by=FixedBy.DOWNLOAD,
    )


def _boot(context: ProbeContext) -> Verdict:
    if not is_serve(context) and BOOT not in context.environ:
        return skip("docling-serve is not installed there")
    return judge_boot(context.environ)


def judge_boot(environ: Mapping[str, str]) -> Verdict:
    """Say whether docling-serve will build its pipeline before it answers."""
    given = environ.get(BOOT, "")
    if not _is_off(given):
        return ok(f"{BOOT}={given}" if given else f"{BOOT} is not set: models are loaded before it answers")
    return warn(
        f"{BOOT}={given}: docling-serve says ready without a model, and the first request finds out",
        f"Unset {BOOT} or set it to 1; give a startupProbe the minutes that loading takes.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _running(context: ProbeContext) -> Verdict:
    url = context.settings.service_url
    if not url:
        return skip("no service is named: -p service_url URL")
    if context.settings.offline and not is_loopback(url):
        return skip("offline mode: only a service on this machine would be asked")
    return judge_running(url, examine_service(url, context.settings.probe_limit_s), context.environ)


def judge_running(url: str, facts: ServiceFacts, environ: Mapping[str, str]) -> Verdict:
    """Say what a running service answers, what that proves and what it leaves open."""
    answers = [answer for answer in (facts.alive, facts.ready) if answer is not None]
    if not facts.is_reached:
        return fail(
            f"{url}{'; '.join(map(str, answers))}",
            "See whether its process runs, what its log ends with, and on which port it listens: docling-serve opens"
            " its port after its models are loaded, and ends when one of them is missing.",
        )
    if not answers:
        paths = ", ".join((*ALIVE_PATHS, *READY_PATHS))
        return warn(f"{url} answers 404 at {paths}", "Name the root of the service, without the path of a route.")
    seen = f"{url}: {'; '.join(map(str, answers))}"
    bad = next((answer for answer in answers if not answer.is_good), None)
    if bad is not None:
        return _not_well(seen, bad)
    if facts.ready is None:
        return ok(f"{seen}. It lives; it has no path that says ready, so that nothing is known of its models")
    if not facts.serve:
        return ok(f"{seen}. It calls itself ready; whether that takes its models in, its own code decides")
    return _ready_serve(f"{seen}. docling-serve {facts.serve}", environ)


def _not_well(seen: str, bad: HealthAnswer) -> Verdict:
    if bad.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return warn(seen, "Its health is behind a login; ask the address that the orchestrator asks.")
    if bad.is_of_another:
        return warn(seen, "A proxy or a login answers in its place; name the address of the service itself.")
    if bad.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return fail(seen, "It is up and not ready: wait while it loads models, and read its log if that does not end.")
    return fail(seen, "Read the log of the service; runbook diagnose LOG names what is known in it.")


def _ready_serve(seen: str, environ: Mapping[str, str]) -> Verdict:
    if _is_off(environ.get(BOOT, "")):
        return warn(
            f"{seen} is ready, and {BOOT} is off here: if it is off there, that proves nothing about models",
            "Convert a document through the service, or start it with its models loaded at boot.",
            quirk="serve-ready-without-models",
        )
    return ok(
        f"{seen} is ready: the layout and table models were loaded, unless {BOOT} is off there; OCR's files were looked"
        " for and not loaded, and models of other pipelines are first asked for by a request"
    )


def _is_off(given: str) -> bool:
    return given.strip().lower() in _FALSE


PROBES = (
    Probe(
        "serve-artifacts",
        "docling-serve reads the folder that was prepared",
        "jobkit-artifacts-invalid",
        _folder,
        limit_s=LOOK_LIMIT_S,
    ),
    Probe(
        "serve-models",
        "docling-serve's folder holds what the pipeline takes",
        "model-not-in-artifacts",
        _models,
        limit_s=LOOK_LIMIT_S,
    ),
    Probe("serve-boot", "docling-serve loads its models before it is ready", "serve-ready-without-models", _boot),
    Probe("service-answers", "the running service is ready", "", _running, limits_itself=True),
)
