"""Whether the Hub answers: name, TCP, TLS, API; each step under a hard limit, the first failure ends it."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from runbook_lib.core.masking import mask_secrets
from runbook_lib.core.value import Masked, MaskedAddress, Value
from runbook_lib.errors import DeadlineExceeded
from runbook_lib.system.time_limit import within

_PORTS = {"http": 80, "https": 443}


class NetworkStep(Value):
    """One step of the way to the Hub."""

    name: str
    ok: bool
    evidence: Masked
    elapsed_s: float


class NetworkFacts(Value):
    """How far the way to an endpoint is open."""

    endpoint: MaskedAddress
    proxy: MaskedAddress
    """Host and port of the proxy in use, without credentials; empty without one."""
    steps: tuple[NetworkStep, ...]

    @property
    def failed(self) -> NetworkStep | None:
        """The step that failed; None when the Hub answered."""
        return next((step for step in self.steps if not step.ok), None)


class _NoAnswer(Exception):
    """The request failed, or something answered that does not speak the Hub's protocol; the message says it all."""


def examine_network(endpoint: str, repo_id: str, limit_s: float) -> NetworkFacts:
    """Walk to the endpoint and ask its API for one model; takes `limit_s` a step at the most."""
    proxy = proxy_for(endpoint)
    target = urlsplit(proxy or endpoint)
    host, port = target.hostname or "", port_of(target)
    return NetworkFacts(
        endpoint=endpoint,
        proxy=f"{host}:{port}" if proxy else "",
        steps=tuple(_walk(host, port, target.scheme == "https", f"{endpoint}/api/models/{repo_id}", limit_s)),
    )


def _walk(host: str, port: int, tls: bool, api_url: str, limit_s: float) -> Iterator[NetworkStep]:
    steps: dict[str, Callable[[], str]] = {
        "name": lambda: _resolve(host, port),
        "tcp": lambda: _connect(host, port, limit_s),
        "tls": lambda: _handshake(host, port, limit_s),
        "api": lambda: _ask(api_url, limit_s),
    }
    for name, call in steps.items():
        if name == "tls" and not tls:
            continue
        if name in {"tls", "api"}:
            _load_client()
        step = _step(name, call, limit_s)
        yield step
        if not step.ok:
            return


def _load_client() -> None:
    """Import the client before the clock of a step runs: on a busy machine it takes seconds, none of the network's."""
    with suppress(ImportError):  # the step says so
        import httpcore  # noqa: F401 - httpx would import it within the first request
        import httpx  # noqa: F401


def _step(name: str, call: Callable[[], str], limit_s: float) -> NetworkStep:
    started = time.perf_counter()
    try:
        ok, evidence = True, within(limit_s, name, call)
    except DeadlineExceeded:
        ok, evidence = False, f"no answer within {limit_s:g} s"
    except _NoAnswer as error:
        ok, evidence = False, mask_secrets(str(error))
    except (OSError, ValueError, ImportError) as error:
        ok, evidence = False, mask_secrets(f"{type(error).__name__}: {error}")
    return NetworkStep(name=name, ok=ok, evidence=evidence, elapsed_s=round(time.perf_counter() - started, 3))


def port_of(address: SplitResult) -> int:
    """Return the port an address names, else that of its scheme; 443 for what is no number."""
    try:
        return address.port or _PORTS.get(address.scheme, 443)
    except ValueError:  # no number; the step that asks the API says so
        return 443


def _resolve(host: str, port: int) -> str:
    addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    return f"{host} is {', '.join(sorted(addresses)[:3])}"


def _connect(host: str, port: int, limit_s: float) -> str:
    with socket.create_connection((host, port), timeout=limit_s):
        return f"port {port} accepts"


def _handshake(host: str, port: int, limit_s: float) -> str:
    import httpx

    context = httpx.create_ssl_context()  # the certificates huggingface_hub trusts, not those of the system
    with (
        socket.create_connection((host, port), timeout=limit_s) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        certificate: Any = secured.getpeercert() or {}
        issuer = {name: value for group in certificate.get("issuer", ()) for name, value in group}
        return f"{secured.version()}, certificate issued by {issuer.get('organizationName', 'unknown')}"


def _ask(url: str, limit_s: float) -> str:
    """Require JSON: a captive portal answers 200 with a page (quirk Q21)."""
    import httpx

    try:
        response = httpx.get(url, timeout=limit_s, follow_redirects=True)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _NoAnswer(f"{type(error).__name__}: {error}") from error
    kind = response.headers.get("content-type", "").partition(";")[0]
    if kind != "application/json":
        raise _NoAnswer(f"HTTP {response.status_code} with {kind or 'no content type'} where the Hub answers JSON")
    if response.is_error:
        reason = response.headers.get("x-error-message") or response.reason_phrase
        raise _NoAnswer(f"HTTP {response.status_code}: {reason}")
    return f"HTTP {response.status_code}, JSON"


def proxy_for(endpoint: str) -> str:
    """Return the proxy that the system or the variables name for an endpoint; empty without one."""
    parts = urlsplit(endpoint)
    if proxy_bypass(parts.hostname or ""):
        return ""
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all", "")
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"
