"""A company's own authority, as tests need it: certificates that are right, and those that are wrong in one way."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
CODE = (ExtendedKeyUsageOID.CODE_SIGNING,)
WEB_SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)


@dataclass(frozen=True)
class Owner:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes

    def files(self, folder: Path, *behind: "Owner") -> tuple[Path, Path]:
        """Write key and certificate, with those that stand behind it; returns both paths."""
        name = self.certificate.subject.rfc4514_string().removeprefix("CN=").replace(" ", "-")
        key, certificate = folder / f"{name}.key.pem", folder / f"{name}.pem"
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        certificate.write_bytes(b"".join(one.certificate.public_bytes(Encoding.PEM) for one in (self, *behind)))
        return key, certificate


def issued(
    name: str,
    by: Owner | None = None,
    *,
    authority: bool = False,
    uses: Sequence[str] = ("digital_signature",),
    purposes: Sequence[ObjectIdentifier] = (),
    days: tuple[int, int] = (-1, 30),
    key: CertificateIssuerPrivateKeyTypes | None = None,
) -> Owner:
    """Issue a certificate, by itself where no other is named; `days` count from now, no `uses` leaves keyUsage out."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days[0]))
        .not_valid_after(now + dt.timedelta(days[1]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if uses:
        builder = builder.add_extension(x509.KeyUsage(**{use: use in uses for use in _USES}), critical=True)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return Owner(builder.sign(by.key if by else own, hashes.SHA256()), own)


def authority(name: str, by: Owner | None = None) -> Owner:
    """Issue a certificate that may issue others."""
    return issued(name, by, authority=True, uses=("key_cert_sign", "crl_sign"))
