"""What stages and services stand on: packages, folders that can be written, room, links, models and the Hub."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from packaging.version import Version

from runbook_lib.checks.context import LOOK_LIMIT_S, ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.checks.probes.addresses import scheme_remedy
from runbook_lib.checks.probes.variables import judge_variables
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.quirks.hub_versions import has_race, obeys_variable, remedy_for
from runbook_lib.render.values import format_bytes
from runbook_lib.run.check import Status, Verdict, fail, ok, skip, warn
from runbook_lib.run.interpreter import InterpreterFacts
from runbook_lib.system.filesystem import FolderFacts
from runbook_lib.system.loopback import is_loopback
from runbook_lib.system.network import NetworkFacts, NetworkStep
from runbook_lib.system.variables import is_true

_LOW_SPACE_BYTES: Final = 2_000_000_000

_NETWORK_CAUSES: Final = {
    "name": "The name of the Hub cannot be resolved: no DNS, or no way out of this network.",
    "tcp": "The Hub's port does not answer: a firewall, or a proxy that has to be named in HTTPS_PROXY.",
    "tls": "The TLS handshake fails: usually a proxy that signs with a company certificate; name it in SSL_CERT_FILE.",
    "api": "Something answers in place of the Hub: a block page, a captive portal or a mirror without the API.",
}
_PROXY_CAUSES: Final = {
    "name": "The name of the proxy {proxy} cannot be resolved.",
    "tcp": "The proxy {proxy} does not answer.",
}
_PROXY_REMEDY: Final = "It is named by HTTPS_PROXY or the system's settings: correct it there, or unset it without one."
_API_CAUSES: Final = (
    ("HTTP 401", "What answers there asks for a login: save a token of that hub (hf auth login, or HF_TOKEN).", ""),
    ("HTTP 403:", "What answers there does not let this user in: a token of that hub is needed, or other rights.", ""),
    ("HTTP 5", "The Hub, or what stands before it, has trouble of its own: wait, and run again.", "hub-server-error"),
    ("HTTP ", _NETWORK_CAUSES["api"], "proxy-blockpage"),
    ("", "The request ended before the API answered; the evidence says on what.", ""),
)
"""Beginning of the evidence, cause and quirk: only what answered can stand in place of the Hub."""
_NETWORK_QUIRKS: Final = {"tls": "tls-interception"}
_LOOPBACK_REMEDY: Final = "Name a hub that answers with -p hub URL: a mirror, or what runbook hub serves for practice."
_NETWORK_REMEDY: Final = (
    "Name a mirror with -p hub URL, or work from a filled cache with -p offline true. To see the runbook at work"
    " without the Hub, on random weights: --practice (in a notebook: hub = 'practice')."
)


def _installed(name: str, context: ProbeContext) -> Verdict:
    return judge_installed(context.packages.version_text(name), context.packages.executable)


def judge_installed(version: str | None, executable: str) -> Verdict:
    """Say whether the interpreter under examination has the package."""
    if version:
        return ok(f"version {version}")
    return fail(f"not found by {executable}", f"Install it there: {executable} -m pip install docling")


def _imports(context: ProbeContext) -> Verdict:
    return judge_imports(context.interpreter)


def judge_imports(interpreter: InterpreterFacts | None) -> Verdict:
    """Say whether huggingface_hub could be imported; None when nobody tried."""
    if interpreter is None:
        return skip("not tried here: importing takes seconds; stage detect tries")
    if not interpreter.hub_problem:
        return ok("nothing keeps it from being imported")
    return warn(
        interpreter.hub_problem,
        "See check variables for the one it cannot read; or reinstall huggingface_hub.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _writable(role: str, context: ProbeContext) -> Verdict:
    return judge_writable(context.folder(role)) if role in context.places else skip("no run folder is in use")


def judge_writable(folder: FolderFacts) -> Verdict:
    """Say whether the folder, or where it would be made, can be written."""
    seen = f"{folder.probed}: {folder.write_evidence}"
    if folder.writable:
        return ok(seen)
    return fail(
        seen,
        "Choose a folder of your own, for example -p cache_dir PATH; do not run as root or administrator.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _space(context: ProbeContext) -> Verdict:
    return judge_space(context.folder("cache").free_bytes)


def judge_space(free_bytes: int) -> Verdict:
    """Say whether there is room for models."""
    seen = f"{format_bytes(free_bytes)} free where the cache is; stage download compares with its plan"
    if free_bytes >= _LOW_SPACE_BYTES:
        return ok(seen)
    return warn(seen, "Free some space or put the cache on another volume: -p cache_dir PATH.")


def _links(context: ProbeContext) -> Verdict:
    return judge_links(context.folder("cache"))


def judge_links(cache: FolderFacts) -> Verdict:
    """Say whether files can share content, by either kind of link."""
    seen = f"symlink: {cache.symlink.evidence}; hard link: {cache.hardlink.evidence}"
    if cache.symlink.works:
        return ok(seen)
    if cache.hardlink.works:
        return ok(f"no symlinks, but hard links work and need no privilege; {seen}")
    return warn(
        seen,
        "Put the cache on NTFS, ext4 or APFS: here every revision costs a full copy.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _race(context: ProbeContext) -> Verdict:
    switched_off = is_true(context.environ.get("HF_HUB_DISABLE_SYMLINKS", ""))
    return judge_race(context.folder("cache"), context.packages.version("huggingface_hub"), switched_off=switched_off)


def judge_race(cache: FolderFacts, hub: Version | None, *, switched_off: bool) -> Verdict:
    """Say whether downloads can die of a refused symlink; `switched_off`: the variable against it is set."""
    seen = f"huggingface_hub {hub or 'missing'}; symlink: {cache.symlink.evidence}"
    threatened = not cache.symlink.works and has_race(hub)
    if not threatened or (switched_off and obeys_variable(hub)):
        return ok(seen)
    return warn(seen, f"For this version: {remedy_for(hub)}.", fixed_by=FixedBy.CONFIGURE_ENV)


def _variables(context: ProbeContext) -> Verdict:
    serve = context.packages.version_text("docling-serve") is not None
    return judge_variables(context.environ, serve=serve)


def _models(context: ProbeContext) -> Verdict:
    problem = context.models_problem or "; ".join(map(str, context.wanted.missing))
    return judge_models(context.models, problem)


def judge_models(models: Sequence[ModelRef], problem: str) -> Verdict:
    """Say whether it is known which models are needed; without models and problem nobody asked."""
    if models:
        return ok(", ".join(map(str, models)))
    if not problem:
        return skip("docling was not asked, which takes seconds; stage detect asks")
    return fail(problem, "Fix docling's installation, or name the models: -p models org/name@revision,...")


def _pipeline(context: ProbeContext) -> Verdict:
    return judge_pipeline(context.wanted, context.packages.executable)


_OF_THE_CONVERTER: Final = frozenset(
    ("torch", "torchvision", "transformers", "docling_ibm_models", "docling_parse", "pypdfium2", "rtree", "accelerate")
)
"""What docling-slim leaves out and `DocumentConverter` imports."""


def judge_pipeline(wanted: Wanted, executable: str) -> Verdict:
    """Say what the interpreter lacks for the pipeline: extras of docling, an OCR engine, a program."""
    if not wanted.was_asked:
        return skip("docling was not asked which models its pipeline takes")
    no_engine = wanted.ocr is not None and not wanted.ocr.engine
    if not wanted.missing and not no_engine:
        return ok(f"OCR by {wanted.ocr}" if wanted.ocr else "OCR is off")
    installs = sorted({part.install for part in wanted.missing if part.install})
    named = " ".join(f'"{name}"' for name in installs or ["docling[rapidocr]"])
    remedy = f"Install it there: {executable} -m pip install {named};" if installs or no_engine else "Install it,"
    return fail(
        "; ".join(map(str, wanted.missing)) or (wanted.ocr.reason if wanted.ocr else ""),
        f"{remedy} or leave it out of the pipeline, for example -p pipeline ocr=off.",
        quirk=_pipeline_quirk(wanted),
    )


def _pipeline_quirk(wanted: Wanted) -> str:
    """Return the entry that explains it: a converter without its packages comes before an engine that was not found."""
    if any(part.module.partition(".")[0] in _OF_THE_CONVERTER for part in wanted.missing):
        return "docling-slim-without-torch"
    return "" if wanted.missing else "no-ocr-engine"


def _hub(context: ProbeContext) -> Verdict:
    network = context.network()
    if network is None:
        return skip("offline mode: not asked")
    return judge_hub(network, models_cached=network.failed is not None and context.models_are_cached())


def judge_hub(network: NetworkFacts, *, models_cached: bool) -> Verdict:
    """Say whether the Hub answers, and if not, at which step the way ends."""
    failed = network.failed
    if failed is None:
        return ok(f"{network.endpoint}: {network.steps[-1].evidence}")
    cached = " Every file of the models is cached, so converting needs no Hub." if models_cached else ""
    cause, quirk = _network_cause(network, failed)
    here = is_loopback(network.endpoint if "://" in network.endpoint else f"http://{network.endpoint}")
    return Verdict(
        Status.WARN if models_cached else Status.FAIL,
        f"{network.endpoint}: step {failed.name} failed: {failed.evidence}",
        f"{cause}{cached} {_LOOPBACK_REMEDY if here else _NETWORK_REMEDY}",
        quirk=quirk,
    )


def _network_cause(network: NetworkFacts, failed: NetworkStep) -> tuple[str, str]:
    """Return why the way ends, and the quirk that is; what the settings alone explain comes before the network."""
    if explained := _settings_cause(network, failed.evidence):
        return explained
    if network.proxy and failed.name in _PROXY_CAUSES:  # with a proxy the first steps lead to that, not to the Hub
        quirk = "loopback-refused" if is_loopback(f"http://{network.proxy}") else "proxy-unreachable"
        return f"{_PROXY_CAUSES[failed.name].format(proxy=network.proxy)} {_PROXY_REMEDY}", quirk
    if failed.name == "tcp" and is_loopback(network.endpoint):
        return "Nothing answers at that port of this machine: the hub or mirror is not running.", "loopback-refused"
    if failed.name == "api":
        return next((cause, quirk) for begins, cause, quirk in _API_CAUSES if failed.evidence.startswith(begins))
    return _NETWORK_CAUSES[failed.name], _NETWORK_QUIRKS.get(failed.name, "")


def _settings_cause(network: NetworkFacts, evidence: str) -> tuple[str, str] | None:
    """Return what an address or a file that is named wrongly explains; None when it is the network."""
    if "://" not in network.endpoint:
        return f"The address has no scheme. {scheme_remedy(network.endpoint)}", "endpoint-without-scheme"
    if evidence.startswith(("FileNotFoundError", "IsADirectoryError")):
        return "A file of certificates is named that is not there: SSL_CERT_FILE, SSL_CERT_DIR.", "ssl-cert-file-bad"
    if "WRONG_VERSION_NUMBER" not in evidence:
        return None
    if network.proxy:
        return "The proxy does not speak TLS itself: write HTTPS_PROXY=http://host:port.", "https-proxy-scheme"
    plain = network.endpoint.replace("https://", "http://", 1)
    return f"What answers there speaks plain HTTP: write {plain}.", "tls-to-plain-port"


def _on_disk(check_id: str, title: str, quirk: str, run: Callable[[ProbeContext], Verdict]) -> Probe:
    return Probe(check_id, title, quirk, run, limit_s=LOOK_LIMIT_S)


PROBES = (
    Probe("docling-installed", "docling is installed", "", partial(_installed, "docling")),
    Probe("huggingface-hub-installed", "huggingface_hub is installed", "", partial(_installed, "huggingface_hub")),
    Probe("huggingface-hub-imports", "huggingface_hub can be imported", "cache-location-confusion", _imports),
    *(
        _on_disk(
            f"{role}-writable", f"the {role} folder can be written", "cache-not-writable", partial(_writable, role)
        )
        for role in ("cache", "artifacts", "run")
    ),
    _on_disk("free-space", "there is room for models", "disk-full-cross-volume", _space),
    _on_disk("links", "files can share content", "fs-without-symlinks", _links),
    _on_disk("symlink-race", "downloads cannot die of a refused symlink", "quirk-001", _race),
    Probe("variables", "the variables mean what they seem to", "cache-location-confusion", _variables),
    Probe("models-known", "it is known which models are needed", "", _models),
    Probe("pipeline-complete", "everything the pipeline needs is installed", "", _pipeline),
    Probe("hub-reachable", "the Hub answers", "", _hub, needs_network=True, limits_itself=True),
)
