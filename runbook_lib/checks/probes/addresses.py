"""Addresses in variables: a scheme that is missing or not the proxy's, and servers on this machine behind a proxy."""

import os
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.masking import mask_url_credentials
from runbook_lib.run.check import Verdict, fail, ok, warn
from runbook_lib.system.loopback import bypasses_loopback, is_loopback

_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def judge_endpoint(endpoint: str) -> Verdict:
    """Say whether the address of the Hub has the scheme that the client needs (httpx: UnsupportedProtocol)."""
    scheme, separator, _ = endpoint.partition("://")
    if separator and scheme.lower() in {"http", "https"}:
        return ok(endpoint)
    seen = f"the address of the Hub is {endpoint!r}, which begins with neither https:// nor http://"
    return fail(seen, f"{scheme_remedy(endpoint)} HF_ENDPOINT, or -p hub.", fixed_by=FixedBy.CONFIGURE_ENV)


def scheme_remedy(address: str) -> str:
    """Say with which scheme the address of a hub is to be written: hubs and relays on this machine speak plain HTTP."""
    host = urlsplit(f"//{address.partition('://')[2] or address}").netloc
    if is_loopback(f"http://{host}"):
        return f"Write it with its scheme, which on this machine is mostly http: http://{host}."
    if ":" in host and not host.endswith(":443"):
        return f"Write it with its scheme: https://{host}, or http://{host} where that port speaks plain HTTP."
    return f"Write it with its scheme: https://{host}."


def judge_proxy_scheme(environ: Mapping[str, str]) -> Verdict:
    """Name the proxies that are to be spoken to by TLS, which hardly any does: the scheme is the proxy's own."""
    given = _proxies(environ)
    secured = [name for name, value in given.items() if value.lower().startswith("https://")]
    if not secured:
        return ok(f"{', '.join(sorted(given))}: spoken to in plain HTTP" if given else "no proxy is set")
    return warn(
        f"{', '.join(secured)} names the proxy with https://: the connection to the proxy itself would be TLS, and most"
        " proxies answer that with WRONG_VERSION_NUMBER",
        "Write http://host:port, for HTTPS_PROXY too, unless the proxy is known to speak TLS itself.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def judge_loopback(environ: Mapping[str, str], endpoint: str, *, is_passed: bool = False) -> Verdict:
    """Say whether requests to this machine would go through a proxy; `is_passed`: the runbook's own go past it."""
    given = _proxies(environ)
    if not given:
        return ok("no proxy is set")
    if bypasses_loopback(environ):
        return ok("localhost and 127.0.0.1 are exempt from the proxy")
    seen = f"{', '.join(sorted(given))} is set, and NO_PROXY does not name localhost and 127.0.0.1"
    remedy = "Set NO_PROXY=localhost,127.0.0.1 (and no_proxy, which wins where both are set)."
    if is_loopback(endpoint) and is_passed:
        ours = f"{seen}: the runbook goes past it to the Hub at {endpoint}, and hf and docling do not"
        return warn(ours, remedy, fixed_by=FixedBy.CONFIGURE_ENV)
    if is_loopback(endpoint):
        return fail(f"{seen}: the Hub at {endpoint} is asked through the proxy", remedy, fixed_by=FixedBy.CONFIGURE_ENV)
    return warn(f"{seen}: a service or mirror on this machine is asked through the proxy", remedy)


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies that are set, by upper-case name and without credentials; lower case wins."""
    found: dict[str, str] = {}
    for name in _PROXIES:
        value = environ.get(name.lower()) or environ.get(name) or ""
        if value:
            found[name] = mask_url_credentials(value if urlsplit(value).scheme else f"http://{value}")
    return found


def _loopback(context: ProbeContext) -> Verdict:
    return judge_loopback(context.environ, context.endpoint, is_passed=bypasses_loopback(os.environ))


PROBES = (
    Probe(
        "endpoint-scheme",
        "the address of the Hub has a scheme",
        "endpoint-without-scheme",
        lambda context: judge_endpoint(context.endpoint),
    ),
    Probe(
        "proxy-scheme",
        "the proxy is spoken to as it speaks",
        "https-proxy-scheme",
        lambda context: judge_proxy_scheme(context.environ),
    ),
    Probe("loopback-direct", "this machine is reached without the proxy", "loopback-through-proxy", _loopback),
)
