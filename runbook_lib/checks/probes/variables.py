"""Variables that mean something else than they seem to: empty, contradicting, misspelt, too late or obsolete."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.run.check import Verdict, ok, warn
from runbook_lib.system.variables import hub_cache_dir, is_true, late_variables, variables_of_interest

_FALSE = frozenset({"", "0", "OFF", "NO", "FALSE"})
_FLAGS = (
    "HF_HUB_OFFLINE",
    "HF_HUB_DISABLE_SYMLINKS",
    "HF_HUB_DISABLE_SYMLINKS_WARNING",
    "HF_HUB_DISABLE_SHARED_BLOBS",
    "HF_HUB_DISABLE_XET",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN",
    "TRANSFORMERS_OFFLINE",
)
_WHOLE_NUMBERS = ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT")
_ARTIFACTS, _OF_SERVE = "DOCLING_ARTIFACTS_PATH", "DOCLING_SERVE_ARTIFACTS_PATH"
_EMPTY_MEANS = {
    "HF_ENDPOINT": "no host would be asked",
    _ARTIFACTS: "docling would look for its models in the working folder",
}
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_NEVER_EMPTY = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_XET_CACHE", "HF_ENDPOINT", _ARTIFACTS)
_PLACES = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "DOCLING_CACHE_DIR", "DOCLING_ARTIFACTS_PATH")
_CACHES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
_IGNORED = {
    "TRANSFORMERS_CACHE": "huggingface_hub and transformers 5 do not read it",
    "PYTORCH_TRANSFORMERS_CACHE": "nothing reads it any more",
    _OF_SERVE: "docling-serve reads it, the library reads DOCLING_ARTIFACTS_PATH",
}
_OBSOLETE = {
    "HF_HUB_ENABLE_HF_TRANSFER": "since huggingface_hub 1.0 it only makes a FutureWarning, which -W error turns fatal",
    "HUGGING_FACE_HUB_TOKEN": "HF_TOKEN is the name",
}
_CORRECT = "Correct or unset them where they are set: shell profile, service definition or Dockerfile."


def hub_home(environ: Mapping[str, str]) -> Path:
    """Return huggingface_hub's home: `HF_HOME`, or below `XDG_CACHE_HOME`."""
    return hub_cache_dir({name: environ[name] for name in ("HF_HOME", "XDG_CACHE_HOME") if name in environ}).parent


def judge_variables(environ: Mapping[str, str], *, serve: bool = False) -> Verdict:
    """Name the variables that lead elsewhere, contradict each other, break the import or do nothing.

    `serve`: docling-serve is installed there, which reads a variable that the library does not.
    """
    idle = _idle({name: value for name, value in environ.items() if not (serve and name == _OF_SERVE)})
    places = (*_empty(environ), *_relative(environ), *_contradictions(environ), *_unreadable(environ), *idle)
    missing = tuple(_missing(environ))
    flags = tuple(_flags(environ))
    if missing and not places and not flags:
        return warn("; ".join(missing), _CORRECT, fixed_by=FixedBy.CONFIGURE_ENV, quirk="ssl-cert-file-bad")
    places = (*places, *missing)
    if not places and not flags:
        return ok(f"{len(variables_of_interest(environ))} variables are set, none is misleading")
    quirk = "" if places else "env-read-at-import"
    return warn("; ".join((*places, *flags)), _CORRECT, fixed_by=FixedBy.CONFIGURE_ENV, quirk=quirk)


def _empty(environ: Mapping[str, str]) -> Iterator[str]:
    for name in _NEVER_EMPTY:
        if name in environ and not environ[name].strip():
            ends = _EMPTY_MEANS.get(name, "the cache would land in the working folder")
            yield f"{name} is empty, which is not the same as unset: {ends}"


def _missing(environ: Mapping[str, str]) -> Iterator[str]:
    for name in _CERTIFICATES:
        if environ.get(name) and not Path(environ[name]).exists():
            yield f"{name} names a file that does not exist"


def _relative(environ: Mapping[str, str]) -> Iterator[str]:
    for name in _PLACES:
        value = os.path.expandvars(os.path.expanduser(environ.get(name, "")))  # noqa: PTH111 - as hub does
        if value.strip() and not os.path.isabs(value):  # noqa: PTH117 - of a text that may hold a variable
            yield f"{name} is a relative path: it means another folder in every working folder"


def _contradictions(environ: Mapping[str, str]) -> Iterator[str]:
    caches = {name: environ[name] for name in _CACHES if environ.get(name)}
    if len(set(caches.values())) > 1:
        yield "HF_HUB_CACHE and HUGGINGFACE_HUB_CACHE differ: the first is used, older programs use the second"
    online = "HF_HUB_OFFLINE" in environ and not is_true(environ["HF_HUB_OFFLINE"])
    if online and is_true(environ.get("TRANSFORMERS_OFFLINE", "")):
        yield "HF_HUB_OFFLINE is off and TRANSFORMERS_OFFLINE on: the first wins, the network is used"


def _unreadable(environ: Mapping[str, str]) -> Iterator[str]:
    for name in _WHOLE_NUMBERS:
        if name in environ and not environ[name].strip().lstrip("+-").isdigit():
            yield f"{name} is not a whole number: importing huggingface_hub fails"


def _idle(environ: Mapping[str, str]) -> Iterator[str]:
    for name, why in _IGNORED.items():
        replaced = name == _OF_SERVE and environ.get(_ARTIFACTS)
        if environ.get(name) and not replaced:
            yield f"{name} has no effect: {why}"


def _flags(environ: Mapping[str, str]) -> Iterator[str]:
    for name in _FLAGS:
        if name in environ and not is_true(environ[name]) and environ[name].upper() not in _FALSE:
            yield f"{name} counts as false: only 1, ON, YES and TRUE are true"
    only_warning = is_true(environ.get("HF_HUB_DISABLE_SYMLINKS_WARNING", ""))
    if only_warning and not is_true(environ.get("HF_HUB_DISABLE_SYMLINKS", "")):
        yield "HF_HUB_DISABLE_SYMLINKS_WARNING only hides the warning; it changes nothing else"


def judge_late(late: tuple[str, ...], *, imported: bool) -> Verdict:
    """Say whether huggingface_hub was imported in this process under other values than are set now."""
    if not imported:
        return ok("huggingface_hub is not imported in this process")
    if not late:
        return ok("huggingface_hub is imported, under the values that are set now")
    return warn(
        f"{', '.join(late)}: changed after huggingface_hub was imported, which reads variables once",
        "Restart the kernel and run from the top; set variables in the shell, the kernel spec or the Dockerfile.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def judge_obsolete(environ: Mapping[str, str]) -> Verdict:
    """Name the variables of accelerators and names that are gone."""
    problems = [f"{name}: {why}" for name, why in _OBSOLETE.items() if environ.get(name)]
    if not problems:
        return ok("none is set")
    return warn("; ".join(problems), "Unset them; Xet is what transfers files now.", fixed_by=FixedBy.CONFIGURE_ENV)


def _late(context: ProbeContext) -> Verdict:
    return judge_late(late_variables(context.environ), imported="huggingface_hub.constants" in sys.modules)


PROBES = (
    Probe("late-variables", "no variable was set too late", "env-read-at-import", _late),
    Probe(
        "obsolete-variables",
        "no obsolete variable is set",
        "hf-transfer-gone",
        lambda context: judge_obsolete(context.environ),
    ),
)
