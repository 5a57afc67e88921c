"""The certificates of a cluster: an authority of its own, and one each for scheduler, workers and clients."""

import ipaddress
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runbook_lib.core.extras import require_extra
from runbook_lib.errors import UsageError
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.system.filesystem import refusals_told

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

CA: Final = "ca"
SCHEDULER: Final = "scheduler"
WORKER: Final = "worker"
CLIENT: Final = "client"
ROLES: Final = (SCHEDULER, WORKER, CLIENT)
_CLOCKS_DIFFER: Final = timedelta(hours=1)
"""A certificate holds from a little earlier on: not every host's clock is right."""


def certificate_path(folder: Path, name: str) -> Path:
    """Return where a certificate stands."""
    return folder / f"{name}.pem"


def key_path(folder: Path, name: str) -> Path:
    """Return where the key of a certificate stands; only its owner may read it."""
    return folder / f"{name}-key.pem"


@dataclass(frozen=True)
class Issued(Rendered):
    """What `runbook fleet certs` wrote, and what stood there already."""

    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]
    until: datetime
    """When the first of all of them ends."""

    def sections(self) -> Sequence[Section]:
        """Return the files, then who needs which."""
        rows = tuple(
            (name, certificate_path(self.folder, name).name, key_path(self.folder, name).name, how)
            for how, names in (("written", self.written), ("kept", self.kept))
            for name in names
        )
        lines = (
            f"They are valid until {self.until:%Y-%m-%d}; runbook fleet certs --renew reissues them.",
            "The scheduler gets ca.pem and scheduler*.pem, a host ca.pem and worker*.pem, you ca.pem and client*.pem.",
            "ca-key.pem issues certificates: keep it where none of them works, it is needed for nothing else.",
        )
        return (Table(f"Certificates in {self.folder}", ("for", "certificate", "key", ""), rows), Note("Next", lines))


def issue(folder: Path, scheduler_names: Sequence[str], *, days: int, renew: bool = False) -> Issued:
    """Make what is lacking in a folder: an authority, and certificates for scheduler, workers and clients.

    The scheduler's certificate is for the names and addresses under which it is reached. Keys are elliptic (P-256), and
    files of keys are for their owner alone (0600). With `renew` the three are issued anew, by the same authority.
    Raises `UsageError` when the authority has ended or its key is missing.
    """
    require_extra("fleet", "cryptography", purpose="runbook fleet certs")
    with refusals_told(
        f"The certificates cannot be written into {folder}.", "Name a folder that this user may write to."
    ):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority, made = _authority(folder, days)
        written = [CA] if made else []
        for role in ROLES:
            if renew or not (certificate_path(folder, role).exists() and key_path(folder, role).exists()):
                names = scheduler_names if role == SCHEDULER else ()
                _write(folder, role, *_certificate(role, names, authority, days))
                written.append(role)
        every = {name: load(certificate_path(folder, name)) for name in (CA, *ROLES)}
    until = min(certificate.not_valid_after_utc for certificate in every.values())
    return Issued(folder, tuple(written), tuple(name for name in every if name not in written), until)


def load(path: Path) -> "x509.Certificate":
    """Read a certificate; raises `UsageError` when the file is missing or holds none."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise UsageError(f"There is no certificate at {path}.", why=error.strerror or "", remedy=_MAKE) from error
    except ValueError as error:
        raise UsageError(f"{path} holds no certificate.", why=str(error), remedy=_MAKE) from error


_MAKE: Final = "runbook fleet certs DIR --scheduler NAME makes a set of certificates."


@dataclass(frozen=True)
class _Authority:
    certificate: "x509.Certificate"
    key: "EllipticCurvePrivateKey"


def _authority(folder: Path, days: int) -> tuple[_Authority, bool]:
    """Return the authority of a folder, and whether it was made now."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if not certificate_path(folder, CA).exists():
        key = ec.generate_private_key(ec.SECP256R1())
        authority = _Authority(_signed(_named(CA, key.public_key(), days), None, key), key)
        _write(folder, CA, authority.certificate, key)
        return authority, True
    certificate = load(certificate_path(folder, CA))
    if certificate.not_valid_after_utc <= datetime.now(UTC):
        raise UsageError(
            f"The authority in {folder} has ended, on {certificate.not_valid_after_utc:%Y-%m-%d}.",
            remedy="Make a new set in an empty folder, and carry it to the scheduler, the hosts and the clients.",
        )
    try:
        kept = load_pem_private_key(key_path(folder, CA).read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"The authority's key cannot be read: {key_path(folder, CA)}.",
            why=str(error),
            remedy="Bring it back from where it is kept, or make a new set in an empty folder.",
        ) from error
    if not isinstance(kept, ec.EllipticCurvePrivateKey):
        raise UsageError(f"{key_path(folder, CA)} was not made by runbook fleet certs.", remedy="Name another folder.")
    return _Authority(certificate, kept), False


def _certificate(
    role: str, names: Sequence[str], authority: _Authority, days: int
) -> "tuple[x509.Certificate, EllipticCurvePrivateKey]":
    """Issue one. A worker is a client of the scheduler and serves other workers, a scheduler is a client of workers."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if role != CLIENT:
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
    builder = _named(role, key.public_key(), days, authority.certificate)
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(list(_alternatives(names or (role,)))), critical=False)
    return _signed(builder, authority, key), key


def _alternatives(names: Sequence[str]) -> "Iterator[x509.GeneralName]":
    from cryptography import x509

    for name in names:
        try:
            yield x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            try:
                yield x509.DNSName(name)
            except ValueError as error:
                raise UsageError(f"{name!r} is not the name of a host.", remedy="Write it in ASCII.") from error


def _named(
    role: str, public_key: object, days: int, issuer: "x509.Certificate | None" = None
) -> "x509.CertificateBuilder":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"runbook fleet {role}")])
    if issuer is None:  # two authorities are two names, so that a foreign one is never taken for the own
        words = f"runbook fleet authority {uuid.uuid4().hex[:8]}"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])
    until = now + timedelta(days=days)
    if issuer is not None:
        until = min(until, issuer.not_valid_after_utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(public_key)  # type: ignore[arg-type] # one of the key types, none of which is named here
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=0 if issuer is None else None), True)
        .add_extension(_key_usage(authority=issuer is None), critical=True)
    )


def _key_usage(*, authority: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(
    builder: "x509.CertificateBuilder", authority: _Authority | None, key: "EllipticCurvePrivateKey"
) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    signer = authority.key if authority else key
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(identifier, critical=False).add_extension(issued_by, critical=False)
    return builder.sign(signer, SHA256())


def _write(folder: Path, name: str, certificate: "x509.Certificate", key: "EllipticCurvePrivateKey") -> None:
    """Write the key, for its owner alone from its first byte on, then the certificate."""
    from cryptography.hazmat.primitives import serialization

    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write_private(key_path(folder, name), pem)
    path = certificate_path(folder, name)
    part = path.with_suffix(".part")
    part.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    part.replace(path)


def _write_private(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with open(part, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
