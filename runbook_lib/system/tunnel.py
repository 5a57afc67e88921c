"""Connections to a host, through a proxy where there is one, and whose certificates answer there."""

import base64
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

HTTPS_PORT: Final = 443

Trust = Callable[[], ssl.SSLContext]
"""Which certificates are trusted; loading them takes longer than finding out that a host does not answer."""


@dataclass(frozen=True)
class Greeting:
    """How a TLS handshake under one set of trusted certificates ended."""

    trusted: bool
    seen: str
    """Who issued the certificate, or why it was not trusted."""


class ProxyRefused(Exception):
    """A proxy did not open a tunnel."""

    def __init__(self, status: int, reason: str, wanted: str) -> None:
        super().__init__(f"{status} {reason}".strip())
        self.status = status
        self.wanted = wanted
        """The authentication it asks for: the scheme alone."""


def greet(host: str, port: int, trust: Trust, *, proxy: str, limit_s: float) -> Greeting:
    """Make a TLS handshake; raises `OSError` or `ProxyRefused` when the host is not reached at all."""
    try:
        with (
            closing(_tunnel(host, port, proxy, limit_s)) as connection,
            trust().wrap_socket(connection, server_hostname=host) as secured,
        ):
            return Greeting(trusted=True, seen=_issuer(secured))
    except ssl.SSLCertVerificationError as error:
        return Greeting(trusted=False, seen=error.verify_message)


def issuer_of(host: str, port: int, *, proxy: str, limit_s: float) -> str:
    """Name who issued the certificate, whether or not it is trusted; empty when that cannot be read.

    The first handshake trusts anybody and takes the certificate; the second trusts nothing but that certificate, which
    makes the standard library decode it. Nothing is sent over either.
    """
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    only_this = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    only_this.check_hostname = False
    only_this.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        with (
            closing(_tunnel(host, port, proxy, limit_s)) as connection,
            anybody.wrap_socket(connection, server_hostname=host) as secured,
        ):
            only_this.load_verify_locations(cadata=secured.getpeercert(binary_form=True) or b"")
        return greet(host, port, lambda: only_this, proxy=proxy, limit_s=limit_s).seen
    except (OSError, ProxyRefused):
        return ""


def open_tunnel(host: str, port: int, *, proxy: str, limit_s: float) -> None:
    """Connect to a host and hang up; raises `OSError` or `ProxyRefused`."""
    _tunnel(host, port, proxy, limit_s).close()


def _issuer(secured: ssl.SSLSocket) -> str:
    certificate: Any = secured.getpeercert() or {}
    issuer = {name: value for group in certificate.get("issuer", ()) for name, value in group}
    return str(issuer.get("organizationName") or issuer.get("commonName") or "nobody it names")


def _tunnel(host: str, port: int, proxy: str, limit_s: float) -> socket.socket:
    if not proxy:
        return socket.create_connection((host, port), timeout=limit_s)
    address = urlsplit(proxy)
    if address.scheme != "http":
        raise OSError(f"a proxy of scheme {address.scheme} is not followed here")
    connection = socket.create_connection((address.hostname or "", address.port or 80), timeout=limit_s)
    try:
        _connect_through(connection, f"{host}:{port}", address)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_through(connection: socket.socket, target: str, proxy: SplitResult) -> None:
    """Ask for a tunnel as httpx does: basic authentication from the address, or none."""
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username:
        words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(words).decode('ascii')}")
    connection.sendall("\r\n".join((*lines, "", "")).encode("ascii"))
    answer = HTTPResponse(connection, method="CONNECT")
    try:
        answer.begin()
    except HTTPException as error:
        raise OSError(f"the proxy does not speak HTTP: {type(error).__name__}") from error
    finally:
        answer.close()
    if answer.status != HTTPStatus.OK:
        wanted = (answer.getheader("Proxy-Authenticate") or "").partition(" ")[0]
        raise ProxyRefused(answer.status, answer.reason, wanted)
