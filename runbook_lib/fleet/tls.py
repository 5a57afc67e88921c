"""Mutual TLS with a scheduler: which files, and a handshake of our own that says what is wrong before Dask tries.

Dask (distributed 2026.8) says of a refused certificate no more than "Timed out during handshake" or a closed
connection; a worker tries again for ever. And it compares no host names (`Security._get_tls_context`); we do.
"""

import os
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from runbook_lib.errors import FleetError, SchedulerUnavailable, UsageError
from runbook_lib.fleet.certificates import CA, certificate_path, key_path, load
from runbook_lib.system.loopback import is_loopback

if TYPE_CHECKING:
    from distributed.security import Security

HANDSHAKE_LIMIT_S: Final = 10.0
_DEFAULT_PORT: Final = 8786
_READABLE_BY_OTHERS: Final = 0o077
_NAMES_DIFFER: Final = (62, 64)
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_NOT_YET, _EXPIRED = 9, 10


@dataclass(frozen=True)
class TlsFiles:
    """What one party of the cluster shows and trusts."""

    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def of_role(cls, folder: Path, role: str) -> "TlsFiles":
        """Return those that `runbook fleet certs` wrote for a role."""
        return cls(certificate_path(folder, CA), certificate_path(folder, role), key_path(folder, role))

    def require_usable(self) -> None:
        """Raise `UsageError` when they cannot work whatever the other side has: missing, ended, foreign, mixed up."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        authority, certificate, now = load(self.authority), load(self.certificate), datetime.now(UTC)
        try:
            key = load_pem_private_key(self.key.read_bytes(), None)
        except OSError as error:
            raise UsageError(f"There is no key at {self.key}.", why=error.strerror or "", remedy=_FILES) from error
        except (ValueError, TypeError) as error:
            raise UsageError(f"{self.key} holds no usable key.", why=str(error), remedy=_FILES) from error
        if os.name != "nt" and self.key.stat().st_mode & _READABLE_BY_OTHERS:
            raise UsageError(
                f"Others may read the key {self.key}.",
                why="Whoever has it can run programs on every host of the cluster.",
                remedy=f"chmod 600 {self.key}; if others used this machine, issue new ones (runbook fleet certs).",
            )
        for path, one in ((self.authority, authority), (self.certificate, certificate)):
            if not one.not_valid_before_utc <= now <= one.not_valid_after_utc:
                raise UsageError(
                    f"The certificate {path} is not valid now.",
                    why=f"It is valid from {one.not_valid_before_utc:%Y-%m-%d %H:%M} to "
                    f"{one.not_valid_after_utc:%Y-%m-%d %H:%M} UTC, and here it is now {now:%Y-%m-%d %H:%M}.",
                    remedy="Issue new ones: runbook fleet certs DIR --renew; or set this machine's clock.",
                )
        if certificate.public_key() != key.public_key():
            raise UsageError(f"{self.key} is not the key of {self.certificate}.", remedy=_FILES)
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise UsageError(
                f"{self.certificate} was not issued by the authority in {self.authority}.", remedy=_FILES
            ) from error

    def context(self, *, check_name: bool) -> ssl.SSLContext:
        """Return what a connection to the scheduler is made with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(cafile=str(self.authority))
        context.load_cert_chain(str(self.certificate), str(self.key))
        context.check_hostname = check_name
        return context


_FILES: Final = "Name the files of one set: --certs DIR, as runbook fleet certs wrote it, or the three --tls options."


@dataclass(frozen=True)
class Address:
    """Where the scheduler is, and what has to be shown there."""

    url: str
    files: TlsFiles | None
    """None where the line is open, which only loopback is allowed."""
    server_name: str = ""
    """What its certificate is for, when it is not the host of the address."""

    @property
    def host(self) -> str:
        """The host's name or address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port; Dask's own where none is named."""
        return urlsplit(self.url).port or _DEFAULT_PORT


def address_of(url: str, files: TlsFiles | None, server_name: str = "") -> Address:
    """Read a scheduler's address; raises `UsageError` for an open line that leaves this machine, or without files."""
    parts = urlsplit(url)
    try:
        whole = parts.scheme in ("tls", "tcp") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
    if not whole or parts.username or parts.path.strip("/"):
        raise UsageError(f"{url!r} is not the address of a scheduler.", remedy="Write tls://HOST:PORT.")
    if parts.scheme == "tcp":
        if not is_loopback(url):
            raise UsageError(
                f"{url} is an unencrypted connection to another machine.",
                why="A Dask cluster runs whatever its clients send, so that without mutual TLS whoever reaches the port"
                " runs programs on every host.",
                remedy="Start scheduler and workers with certificates (runbook fleet certs) and name tls://HOST:PORT.",
            )
        return Address(url, None)
    if files is None:
        raise UsageError(f"{url} needs certificates, and none are named.", remedy=_FILES)
    files.require_usable()
    return Address(url, files, server_name)


def require_scheduler(address: Address, limit_s: float = HANDSHAKE_LIMIT_S) -> None:
    """Shake hands with the scheduler as Dask will, and wait for its first word; both sides have agreed then.

    With TLS 1.3 a server refuses a client's certificate only after the client's handshake has ended, in place of its
    first word. A scheduler (distributed 2026.8) speaks first. Raises `SchedulerUnavailable` when nobody answers, and
    `FleetError` naming the mistake.
    """
    try:
        with socket.create_connection((address.host, address.port), timeout=limit_s) as plain:
            plain.settimeout(limit_s)
            if address.files is None:
                _hear_plain(plain, address)
            else:
                _hear_secured(plain, address, address.files)
    except (FleetError, ssl.SSLError):
        raise
    except socket.gaierror as error:
        raise SchedulerUnavailable(
            f"The name {address.host} of the scheduler cannot be resolved.",
            why=str(error),
            remedy="Check the spelling, and this machine's DNS.",
        ) from error
    except OSError as error:
        raise SchedulerUnavailable(
            f"There is no answer at {address.url}.",
            why=str(error) or type(error).__name__,
            remedy="Check whether the scheduler runs there, and whether a firewall lets this machine through.",
        ) from error


def _hear_plain(plain: socket.socket, address: Address) -> None:
    try:
        heard = plain.recv(1)
    except TimeoutError as error:
        raise FleetError(
            f"{address.url} waits for the other side to speak first, as TLS does and a Dask scheduler without TLS does"
            " not.",
            remedy="Name it as tls://, with its certificates; or check whether another program has the port.",
        ) from error
    if not heard:
        raise _silent(address)


def _hear_secured(plain: socket.socket, address: Address, files: TlsFiles) -> None:
    name = address.server_name or address.host
    try:
        with files.context(check_name=True).wrap_socket(plain, server_hostname=name) as secured:
            if not secured.recv(1):
                raise _silent(address)
    except ssl.SSLCertVerificationError as error:
        raise _not_trusted(error, address, files, name) from error
    except ssl.SSLError as error:
        raise _refused(error, address, files) from error
    except TimeoutError as error:
        raise FleetError(
            f"{address.url} accepted the connection but did not complete the handshake.",
            why="A program that does not speak TLS waits like this, a Dask worker or a scheduler without TLS too.",
            remedy="Check whether this is the scheduler's port, and whether it was started with --tls-cert.",
        ) from error


def _silent(address: Address) -> SchedulerUnavailable:
    return SchedulerUnavailable(
        f"{address.url} closed the connection without a word.",
        why="A Dask scheduler speaks first; one that ends, or another program, does this.",
        remedy="Check the scheduler's log.",
    )


def _not_trusted(error: ssl.SSLCertVerificationError, address: Address, files: TlsFiles, name: str) -> FleetError:
    """Say what we object to in their certificate."""
    code, why = error.verify_code, error.verify_message
    if code in _NAMES_DIFFER:
        return FleetError(
            f"The certificate at {address.url} is not for {name}.",
            why=f"OpenSSL: {why}.",
            remedy=f"Issue the scheduler's with this name: runbook fleet certs DIR --renew --scheduler {name};"
            " or say which name it has: --server-name NAME.",
        )
    if code in (_NOT_YET, _EXPIRED):
        return FleetError(
            f"The scheduler's certificate at {address.url} is not valid now.",
            why=f"OpenSSL: {why}.",
            remedy="Reissue it (runbook fleet certs DIR --renew) and start the scheduler again; or set the clocks.",
        )
    return FleetError(
        f"The scheduler's certificate at {address.url} was not issued by the authority in {files.authority}.",
        why=f"OpenSSL: {why}.",
        remedy="Use one set of certificates for scheduler, workers and clients; or this is somebody else's scheduler.",
    )


_THEIR_REASONS: Final = {
    "UNKNOWN_CA": "It was issued by another authority than the scheduler trusts",
    "BAD_CERTIFICATE": "It is not one the scheduler can read",
    "CERTIFICATE_EXPIRED": "By the scheduler's clock it has ended or not begun",
    "CERTIFICATE_REQUIRED": "The scheduler got none",
    "CERTIFICATE_UNKNOWN": "The scheduler does not say why",
    "DECRYPT_ERROR": "It was issued by an authority of the same name with another key",
    "UNSUPPORTED_CERTIFICATE": "It is not one for clients",
    "HANDSHAKE_FAILURE": "The scheduler got none, or does not say why",
}
_PLAIN: Final = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "HTTP_REQUEST")


def _refused(error: ssl.SSLError, address: Address, files: TlsFiles) -> FleetError:
    """Say what they object to in ours, or that they do not speak TLS at all."""
    reason = error.reason or str(error)
    if reason in _PLAIN:
        return FleetError(
            f"{address.url} does not speak TLS.",
            why=f"OpenSSL: {reason}.",
            remedy="Start the scheduler with --tls-ca-file, --tls-cert and --tls-key; or check whether another "
            "program has the port.",
        )
    for alert, words in _THEIR_REASONS.items():
        if reason.endswith(alert):
            return FleetError(
                f"The scheduler at {address.url} refuses the certificate {files.certificate}.",
                why=f"{words} (OpenSSL: {reason}).",
                remedy="Use one set of certificates for scheduler, workers and clients: runbook fleet certs.",
            )
    return FleetError(
        f"The handshake with {address.url} failed.", why=f"OpenSSL: {reason}.", remedy="Check the scheduler's log."
    )


def security_of(address: Address, role: str) -> "Security | None":
    """Return Dask's form of the files for a role; None on an open line. A client goes on checking the host's name."""
    if address.files is None:
        return None
    from distributed.security import Security

    files = {
        "tls_ca_file": str(address.files.authority),
        f"tls_{role}_cert": str(address.files.certificate),
        f"tls_{role}_key": str(address.files.key),
    }
    if role != "client" or address.server_name:  # a worker speaks to workers, whose addresses no certificate knows
        return Security(require_encryption=True, **files)

    class NameChecking(Security):  # type: ignore[misc] # distributed is not typed
        def get_connection_args(self, role: str) -> dict[str, object]:
            arguments: dict[str, object] = super().get_connection_args(role)
            context = arguments["ssl_context"]
            if isinstance(context, ssl.SSLContext):
                context.check_hostname = True
            return arguments

    return NameChecking(require_encryption=True, **files)
