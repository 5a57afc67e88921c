"""What the client does unasked: telemetry, which certificates it trusts, a mark that backups obey."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from packaging.version import Version

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.quirks import xet_telemetry
from runbook_lib.run.check import Verdict, fail, ok, skip


def judge_telemetry(xet: Version | None, environ: Mapping[str, str]) -> Verdict:
    """Say whether hf_xet reports transfers to the Hub's storage service, and what would stop it."""
    if xet is None:
        return ok("hf-xet is not installed")
    if xet < xet_telemetry.SINCE:
        return ok(f"hf-xet {xet} sends none")
    if off := xet_telemetry.switched_off_by(environ):
        return ok(f"hf-xet {xet} sends none: {off} is set")
    return ok(f"{xet_telemetry.told(xet)}; {xet_telemetry.OWN_SWITCH}=0 or HF_HUB_DISABLE_TELEMETRY=1 stops it")


_HTTPX_SINCE, _SYSTEM_STORE_SINCE = Version("1.0"), Version("2.0")


def judge_trust(hub: Version | None, environ: Mapping[str, str], system: str) -> Verdict:
    """Say whose certificates the installed client trusts, and which variable adds a company's.

    Tried: huggingface_hub 0.36 (requests), 1.33 (httpx), 2.4 (httpx2 with truststore).
    """
    if hub is None:
        return skip("huggingface_hub is not installed")
    name = "REQUESTS_CA_BUNDLE" if hub < _HTTPX_SINCE else "SSL_CERT_FILE"
    given = environ.get(name, "")
    if given and not Path(given).exists():
        return fail(
            f"huggingface_hub {hub} reads {name}, and {given} does not exist: every request fails",
            f"Correct {name}, or unset it.",
            quirk="ssl-cert-file-bad",
        )
    if given:
        return ok(f"huggingface_hub {hub} trusts what {name} names: {given}")
    if hub < _SYSTEM_STORE_SINCE:
        return ok(f"huggingface_hub {hub} trusts certifi's list and not the system's; {name} names another")
    store = "OpenSSL's default folders" if system == "Linux" else "the certificates of the system, a company's included"
    return ok(f"huggingface_hub {hub} trusts {store}; {name} names others")


_TAG: Final = "CACHEDIR.TAG"


def judge_tag(cache_dir: Path) -> Verdict:
    """Say whether the cache is marked as one that backups may leave out (huggingface_hub 1.9 and later mark it)."""
    tagged = next((folder for folder in (cache_dir, cache_dir.parent) if (folder / _TAG).is_file()), None)
    if tagged is None:
        return ok(f"no {_TAG} in {cache_dir}")
    return ok(
        f"{tagged / _TAG}: tar, borg and restic leave the models out when told --exclude-caches; a backup that must"
        " hold them is made without that option"
    )


def _telemetry(context: ProbeContext) -> Verdict:
    return judge_telemetry(context.packages.version("hf_xet"), context.environ)


def _trust(context: ProbeContext) -> Verdict:
    return judge_trust(context.packages.version("huggingface_hub"), context.environ, context.system)


def _tag(context: ProbeContext) -> Verdict:
    return judge_tag(context.cache_dir)


PROBES = (
    Probe("xet-telemetry", "it is known what hf-xet reports", "", _telemetry),
    Probe("trust-store", "it is known whose certificates are trusted", "tls-interception", _trust),
    Probe("backup-tag", "it is known whether backups skip the cache", "cache-copied-dangling", _tag),
)
