"""Certificates: files that variables name, and who signs what the Hub seems to send."""

import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from packaging.version import Version

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import NotReached, Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.run.check import Verdict, fail, ok, skip, warn
from runbook_lib.system.filesystem import describe_os_error
from runbook_lib.system.network import proxy_for
from runbook_lib.system.tunnel import HTTPS_PORT, Greeting, ProxyRefused, Trust, greet, issuer_of
from runbook_lib.system.variables import is_true

XET_HOSTS = ("cas-server.xethub.hf.co", "transfer.xethub.hf.co")
_HUB_HOSTS = ("huggingface.co", "hf.co")
_HTTPX_SINCE = Version("1.0")
"""From here on huggingface_hub trusts what httpx does: `SSL_CERT_FILE`, `SSL_CERT_DIR`, else certifi."""
_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_ONE_BUNDLE = (
    "Build one PEM file of certifi's certificates and the company's root, and name it in SSL_CERT_FILE and"
    " REQUESTS_CA_BUNDLE both; never verify=False."
)


def _ca_bundle(context: ProbeContext) -> Verdict:
    named = {name: context.environ[name] for name in _BUNDLES if context.environ.get(name)}
    by_path = {path: _bundle_problem(Path(path)) for path in set(named.values())}  # often one file under three names
    problems = {name: by_path[path] for name, path in named.items() if by_path[path]}
    folder = context.environ.get("SSL_CERT_DIR", "")
    if folder and not any(Path(part).is_dir() for part in folder.split(os.pathsep)):
        problems["SSL_CERT_DIR"] = "no such folder"
    return judge_bundles(named, problems, context.packages.version("huggingface_hub"))


def _bundle_problem(path: Path) -> str:
    """Load the file as httpx and requests do; return what keeps it from being loaded."""
    try:
        if path.is_dir():
            return ""
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError as error:
        return f"holds no certificate: {error.reason or error}"
    except OSError as error:
        return describe_os_error(error)
    return ""


def judge_bundles(named: Mapping[str, str], problems: Mapping[str, str], hub: Version | None) -> Verdict:
    """Say which variable leads nowhere; with a bad `SSL_CERT_FILE` huggingface_hub cannot even build its client."""
    if problems:
        seen = "; ".join(f"{name}={named.get(name, '...')}: {problem}" for name, problem in problems.items())
        remedy = "Correct it or unset it; the certificates of certifi are used without it. Do not reinstall certifi."
        judged = fail if "SSL_CERT_FILE" in problems else warn
        return judged(seen, remedy, fixed_by=FixedBy.CONFIGURE_ENV)
    for_requests = [name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if name in named]
    if for_requests and "SSL_CERT_FILE" not in named and hub is not None and hub >= _HTTPX_SINCE:
        seen = f"{for_requests[0]} is set and SSL_CERT_FILE is not: huggingface_hub {hub} does not read the first"
        return warn(seen, _ONE_BUNDLE, fixed_by=FixedBy.CONFIGURE_ENV, quirk="tls-interception")
    return ok(f"{', '.join(named)} can be loaded" if named else "no variable names one; certifi's are used")


def _interception(context: ProbeContext) -> Verdict:
    target = urlsplit(context.endpoint)
    if target.scheme != "https":
        return skip(f"{context.endpoint} does not use TLS")
    host, port, proxy = target.hostname or "", target.port or HTTPS_PORT, proxy_for(context.endpoint)
    limit_s = context.settings.probe_limit_s / 2
    try:
        hub = greet(host, port, lambda: _hub_trust(context.environ), proxy=proxy, limit_s=limit_s)
        system = greet(host, port, ssl.create_default_context, proxy=proxy, limit_s=limit_s)
    except (OSError, ProxyRefused) as error:
        raise NotReached(f"{host}: {error}") from error
    issuer = hub.seen if hub.trusted else issuer_of(host, port, proxy=proxy, limit_s=limit_s)
    return judge_greetings(host, hub, system, issuer)


def _hub_trust(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Trust what httpx trusts, by its rule (httpx 0.28, `create_ssl_context`), without its import."""
    import certifi

    if environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=environ["SSL_CERT_FILE"])
    if environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=environ["SSL_CERT_DIR"])
    return ssl.create_default_context(cafile=certifi.where())


def judge_greetings(host: str, hub: Greeting, system: Greeting, issuer: str) -> Verdict:
    """Compare what huggingface_hub trusts with what the system trusts: if they disagree, somebody signs anew."""
    seen = f"{host}: certificate issued by {issuer or 'somebody unknown'}"
    if hub.trusted and system.trusted:
        return ok(seen)
    if hub.trusted:
        seen += f"; the system's store does not trust it ({system.seen}), and Xet uses that store"
        return warn(seen, "Install the system's certificates (in a slim image: ca-certificates).")
    trust = "the system trusts it, huggingface_hub does not" if system.trusted else "neither store trusts it"
    return warn(f"{seen}; {trust} ({hub.seen})", _ONE_BUNDLE, fixed_by=FixedBy.CONFIGURE_ENV)


def _xet(context: ProbeContext) -> Verdict:
    host = urlsplit(context.endpoint).hostname or ""
    if not any(host == name or host.endswith(f".{name}") for name in _HUB_HOSTS):
        return skip(f"{host} is not the Hugging Face Hub")
    if is_true(context.environ.get("HF_HUB_DISABLE_XET", "")):
        return ok("Xet is off: HF_HUB_DISABLE_XET")
    if context.packages.version("hf_xet") is None:
        return ok("hf_xet is not installed: files come over plain HTTP")
    reach = reach_with_tls(ssl.create_default_context, context.settings.probe_limit_s / 3)
    if not reach(host):
        raise NotReached(host)
    return judge_xet(tuple(name for name in XET_HOSTS if reach(name)))


def reach_with_tls(trust: Trust, limit_s: float, port: int = HTTPS_PORT) -> Callable[[str], bool]:
    """Return a question to a host: does it answer a TLS handshake?"""

    def reach(host: str) -> bool:
        try:
            return greet(host, port, trust, proxy=proxy_for(f"https://{host}"), limit_s=limit_s).trusted
        except (OSError, ProxyRefused):
            return False

    return reach


def judge_xet(reached: tuple[str, ...]) -> Verdict:
    """Say whether the hosts that hold the content can be reached, besides the Hub itself."""
    missing = [host for host in XET_HOSTS if host not in reached]
    if not missing:
        return ok(f"{', '.join(reached)} answer")
    return warn(
        f"no TLS connection to {', '.join(missing)}: small files would come, weights would not",
        "Have *.hf.co and *.xethub.hf.co allowed, or set HF_HUB_DISABLE_XET=1: plain HTTP through the Hub's own host.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


PROBES = (
    Probe("ca-bundle", "the named certificates can be loaded", "ssl-cert-file-bad", _ca_bundle),
    Probe("tls-interception", "nobody signs in the Hub's name", "tls-interception", _interception, needs_network=True),
    Probe("xet-hosts", "the hosts of Xet answer", "xet-blocked-or-stalled", _xet, needs_network=True),
)
