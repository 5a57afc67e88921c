"""The judging of stage detect: facts in, checks out; no effects."""

from collections.abc import Iterator

from runbook_lib.checks.probes.variables import judge_variables
from runbook_lib.quirks.hub_versions import has_race, obeys_variable, remedy_for
from runbook_lib.render.values import format_bytes
from runbook_lib.run.check import Check, Status
from runbook_lib.stages.detect.facts import DetectFacts
from runbook_lib.system.filesystem import FolderFacts
from runbook_lib.system.variables import is_true

_CONFIGURE = "notebooks/02_configure_env.ipynb"
_LOW_SPACE_BYTES = 2_000_000_000

_NETWORK_CAUSES = {
    "name": "The name of the Hub cannot be resolved: no DNS, or no way out of this network.",
    "tcp": "The Hub's port does not answer: a firewall, or a proxy that has to be named in HTTPS_PROXY.",
    "tls": "The TLS handshake fails: usually a proxy that signs with a company certificate; name it in SSL_CERT_FILE.",
    "api": "Something answers in place of the Hub: a block page, a captive portal or a mirror without the API.",
}
_NETWORK_QUIRKS = {"tls": "tls-interception", "api": "proxy-blockpage"}
_NETWORK_REMEDY = (
    "Name a mirror with -p hub URL (runbook hub serves one for practice), work from a filled cache with"
    " -p offline true, or try the built-in hub with --practice (in a notebook: hub = 'practice')."
)


QUIRKS = {
    "docling-installed": "",
    "huggingface-hub-installed": "",
    "huggingface-hub-imports": "cache-location-confusion",
    "cache-writable": "cache-not-writable",
    "artifacts-writable": "cache-not-writable",
    "run-writable": "cache-not-writable",
    "free-space": "disk-full-cross-volume",
    "links": "fs-without-symlinks",
    "symlink-race": "quirk-001",
    "variables": "cache-location-confusion",
    "models-known": "",
    "hub-reachable": "proxy-blockpage",
}
"""Every check of `judge_machine`, and the quirk it foresees."""


def judge_machine(facts: DetectFacts) -> tuple[Check, ...]:
    """Return every check of stage detect, in the order of the story."""
    return (
        *_packages(facts),
        *(_writable(folder) for folder in facts.folders),
        _space(facts.folder("cache")),
        _links(facts.folder("cache")),
        _race(facts),
        _variables(facts.variables),
        _models(facts),
        _hub(facts),
    )


def _packages(facts: DetectFacts) -> Iterator[Check]:
    executable = facts.interpreter.executable
    for name in ("docling", "huggingface_hub"):
        version = facts.interpreter.packages.get(name)
        yield Check.judged(
            f"{name.replace('_', '-')}-installed",
            f"{name} is installed",
            version is not None,
            f"version {version}" if version else f"not found by {executable}",
            remedy=f"Install it there: {executable} -m pip install docling",
        )
    yield Check.judged(
        "huggingface-hub-imports",
        "huggingface_hub can be imported",
        not facts.interpreter.hub_problem,
        facts.interpreter.hub_problem or "nothing keeps it from being imported",
        otherwise=Status.WARN,
        remedy="See check variables for the one it cannot read; or install huggingface_hub anew.",
        quirk="cache-location-confusion",
        mended_by=_CONFIGURE,
    )


def _writable(folder: FolderFacts) -> Check:
    return Check.judged(
        f"{folder.role}-writable",
        f"the {folder.role} folder can be written",
        folder.writable,
        f"{folder.probed}: {folder.write_evidence}",
        remedy="Choose a folder of your own, for example -p cache_dir PATH; do not run as root or administrator.",
        quirk="cache-not-writable",
        mended_by=_CONFIGURE,
    )


def _space(cache: FolderFacts) -> Check:
    return Check.judged(
        "free-space",
        "there is room for models",
        cache.free_bytes >= _LOW_SPACE_BYTES,
        f"{format_bytes(cache.free_bytes)} free where the cache is; stage download compares with its plan",
        otherwise=Status.WARN,
        remedy="Free some space or put the cache on another volume: -p cache_dir PATH.",
        quirk="disk-full-cross-volume",
    )


def _links(cache: FolderFacts) -> Check:
    kind = "symlinks work" if cache.symlink.works else "no symlinks, but hard links work and need no privilege"
    works = cache.symlink.works or cache.hardlink.works
    return Check.judged(
        "links",
        f"files can share content: {kind}" if works else "files can share content",
        works,
        f"symlink: {cache.symlink.evidence}; hard link: {cache.hardlink.evidence}",
        otherwise=Status.WARN,
        remedy="Put the cache on NTFS, ext4 or APFS: here every revision costs a full copy.",
        quirk="fs-without-symlinks",
        mended_by=_CONFIGURE,
    )


def _race(facts: DetectFacts) -> Check:
    version = facts.interpreter.hub_version
    threatened = not facts.folder("cache").symlink.works and has_race(version)
    switched_off = obeys_variable(version) and is_true(facts.variables.get("HF_HUB_DISABLE_SYMLINKS", ""))
    return Check.judged(
        "symlink-race",
        "downloads cannot die of a refused symlink",
        not threatened or switched_off,
        f"huggingface_hub {version or 'missing'}; symlink: {facts.folder('cache').symlink.evidence}",
        otherwise=Status.WARN,
        remedy=f"For this version: {remedy_for(version)}.",
        quirk="quirk-001",
        mended_by=_CONFIGURE,
    )


def _variables(variables: dict[str, str]) -> Check:
    verdict = judge_variables(variables)
    return verdict.as_check("variables", "the variables mean what they seem to", QUIRKS["variables"])


def _models(facts: DetectFacts) -> Check:
    return Check.judged(
        "models-known",
        "it is known which models are needed",
        bool(facts.models),
        ", ".join(map(str, facts.models)) or facts.models_problem,
        remedy="Mend docling's installation, or name the models: -p models org/name@revision,...",
    )


def _hub(facts: DetectFacts) -> Check:
    title = "the Hub answers"
    if facts.network is None:
        return Check(id="hub-reachable", title=title, status=Status.SKIP, evidence="offline mode: not asked")
    failed = facts.network.failed
    if failed is None:
        seen = facts.network.steps[-1].evidence
        return Check(id="hub-reachable", title=title, status=Status.OK, evidence=f"{facts.network.endpoint}: {seen}")
    cached = " Every file of the models is cached, so converting needs no Hub." if facts.models_cached else ""
    return Check(
        id="hub-reachable",
        title=title,
        status=Status.WARN if facts.models_cached else Status.FAIL,
        evidence=f"{facts.network.endpoint}: step {failed.name} failed: {failed.evidence}",
        remedy=f"{_NETWORK_CAUSES[failed.name]}{cached} {_NETWORK_REMEDY}",
        quirk=_NETWORK_QUIRKS.get(failed.name, ""),
    )
