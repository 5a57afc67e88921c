"""Proxies: settings that the HTTP client cannot read, and proxies that want a password."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import NotReached, Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.run.check import Verdict, fail, ok, skip, warn
from runbook_lib.system.network import proxy_for
from runbook_lib.system.tunnel import HTTPS_PORT, ProxyRefused, open_tunnel
from runbook_lib.system.windows import examine_windows

_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})
"""What httpx 0.28 takes for a proxy (`httpx.Proxy`)."""
_REMEDY = (
    "Name the proxy as http://host:port, percent-encode @, # and / in a password, and leave brackets out of NO_PROXY."
)


def judge_proxy_variables(environ: Mapping[str, str], *, has_socks: bool, script: str) -> Verdict:
    """Name what keeps httpx from being built at all, and what makes it pass the proxy by. Shows no password."""
    proxies = _proxies(environ)
    problems = [problem for name, value in proxies.items() for problem in _problems(name, value, has_socks=has_socks)]
    if re.search(r"[\[\]]", proxies.get("NO_PROXY", "")):
        problems.append("NO_PROXY holds an IPv6 address in brackets, which httpx cannot read")
    if script and not {"HTTPS_PROXY", "ALL_PROXY"} & proxies.keys():
        problems.append("the browser finds its proxy by a script, which Python does not run; HTTPS_PROXY is not set")
    if problems:
        return warn("; ".join(problems), _REMEDY, fixed_by=FixedBy.CONFIGURE_ENV)
    return ok(f"{', '.join(sorted(proxies))} can be read" if proxies else "none is set")


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies by upper-case name; a lower-case variable wins, as in `urllib.request`."""
    named = sorted(environ.items(), key=lambda item: item[0].islower())
    wanted = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
    return {name.upper(): value for name, value in named if name.upper() in wanted and value}


def _problems(name: str, value: str, *, has_socks: bool) -> Iterator[str]:
    if name == "NO_PROXY":
        return
    address = urlsplit(value if "://" in value else f"http://{value}")
    if address.scheme not in _SCHEMES:
        yield f"{name} has the scheme {address.scheme}, which httpx does not know"
    elif address.scheme.startswith("socks") and not has_socks:
        yield f"{name} is a SOCKS proxy, and the package socksio is not installed: pip install httpx[socks]"
    if _has_raw_password(value, address.fragment):
        yield f"{name} has a password with an unescaped @ or #: the name of the host is cut wrong"
    elif not address.hostname or not _has_port_or_none(value):
        yield f"{name} does not name a host"


def _has_raw_password(value: str, fragment: str) -> bool:
    rest = value.partition("://")[2] or value
    return rest.count("@") > 1 or ("@" in fragment)


def _has_port_or_none(value: str) -> bool:
    try:
        _ = urlsplit(value if "://" in value else f"http://{value}").port
    except ValueError:
        return False
    return True


def judge_answer(proxy: str, refused: ProxyRefused | None) -> Verdict:
    """Say what the proxy answered to the wish for a tunnel."""
    if refused is None:
        return ok(f"{proxy} opens a tunnel")
    if refused.status != 407:  # noqa: PLR2004 - Proxy Authentication Required
        return warn(f"{proxy} refuses: {refused}", "Ask for the Hub to be allowed, or name a mirror: -p hub URL.")
    wanted = refused.wanted or "a password"
    return fail(
        f"{proxy} asks for {wanted}",
        "Put user and password into HTTPS_PROXY in the environment (never in a notebook); for NTLM or Negotiate run a"
        " relay such as px or cntlm. From a filled cache work with -p offline true.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _variables(context: ProbeContext) -> Verdict:
    facts = examine_windows()
    has_socks = context.packages.version("socksio") is not None
    return judge_proxy_variables(context.environ, has_socks=has_socks, script=facts.proxy_script if facts else "")


def _proxy(context: ProbeContext) -> Verdict:
    target, proxy = urlsplit(context.endpoint), proxy_for(context.endpoint)
    address = urlsplit(proxy)
    if not proxy:
        return ok(f"no proxy is used for {target.hostname}")
    if target.scheme != "https" or address.scheme != "http":
        return skip(f"{address.scheme} proxy for an {target.scheme} address: see check hub-reachable")
    named = f"{address.hostname}:{address.port or 80}"
    try:
        open_tunnel(
            target.hostname or "", target.port or HTTPS_PORT, proxy=proxy, limit_s=context.settings.probe_limit_s
        )
    except ProxyRefused as error:
        return judge_answer(named, error)
    except OSError as error:
        raise NotReached(f"{named}: {error}") from error
    return judge_answer(named, None)


PROBES = (
    Probe("proxy-variables", "proxy settings can be read", "proxy-env-parse", _variables),
    Probe("proxy", "the proxy lets the Hub through", "proxy-407", _proxy, needs_network=True),
)
