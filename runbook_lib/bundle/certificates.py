"""Certificates of a company's own authority: whose key it is that signed, and whether it may sign."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runbook_lib.bundle.keys import read_pem, unusable, why_not

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.x509 import BasicConstraints, Certificate, ExtendedKeyUsage, KeyUsage
    from cryptography.x509.verification import ClientVerifier, Policy

MARK: Final = b"-----BEGIN CERTIFICATE-----"
"""What tells a file of certificates from one with a key."""
_MAX_CHAIN: Final = 8
_ASK_FOR_ONE: Final = "Ask the authority for a certificate for code signing, on a key on P-256, P-384 or P-521."
_NO_ISSUER: Final = "no interior errors"
"""What cryptography says where it has found no candidate at all."""
_NOT_SIGNING: Final = "may not sign"


class NotTrusted(Exception):
    """A certificate is not one that is believed; its words say why."""


def read_certificates(path: Path) -> list["Certificate"]:
    """Read every certificate of a PEM file, at least one; raises `UsageError`."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(read_pem(path))
    except ValueError as error:
        raise unusable(
            path, f"it holds no certificate in PEM that can be read ({error})", "a certificate", _ASK_FOR_ONE
        ) from error


def chain_to_sign_with(path: Path, key: "EllipticCurvePublicKey") -> list["Certificate"]:
    """Read the certificate of a key, and those between it and the authority that stand behind it in the file.

    Raises `UsageError` when it is of another key, has expired or is not for signing: whoever gets the bundle would
    refuse it.
    """
    chain = read_certificates(path)
    if chain[0].public_key() != key:
        raise unusable(path, "its first certificate is of another key", "the certificate", _ASK_FOR_ONE)
    try:
        _require_signer(chain[0], datetime.now(UTC))
    except NotTrusted as reason:
        raise unusable(path, str(reason), "the certificate", _ASK_FOR_ONE) from None
    if len(chain) > _MAX_CHAIN:
        raise unusable(path, f"it holds more than {_MAX_CHAIN} certificates", "the certificate", _ASK_FOR_ONE)
    return chain


def encoded(chain: Sequence["Certificate"]) -> list[dict[str, str]]:
    """Return certificates as a Sigstore bundle has them (`X509CertificateChain`)."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return [{"rawBytes": base64.b64encode(one.public_bytes(Encoding.DER)).decode()} for one in chain]


def decoded(entries: object) -> list["Certificate"]:
    """Read certificates out of a Sigstore bundle; raises `ValueError` when there are none, or too many."""
    from cryptography.x509 import load_der_x509_certificate

    if not isinstance(entries, list) or not 0 < len(entries) <= _MAX_CHAIN:
        raise ValueError("no chain of certificates")
    try:
        return [load_der_x509_certificate(base64.b64decode(one["rawBytes"], validate=True)) for one in entries]
    except (TypeError, KeyError, binascii.Error) as error:
        raise ValueError("no certificates") from error


def trusted_key(
    chain: Sequence["Certificate"], authorities: Sequence["Certificate"], now: datetime
) -> "EllipticCurvePublicKey":
    """Return the key of a chain's first certificate; raises `NotTrusted` unless an authority vouches for it.

    Stricter than model-signing 1.1: the certificate has to be valid now, not when it was issued, for nothing in a
    signature says when it was made; and one that names its purposes has to name code signing, so that the certificate
    of a web server signs no models. Nobody is asked whether a certificate was revoked.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.x509.verification import VerificationError

    _require_signer(chain[0], now)
    try:
        _verifier(authorities, now).verify(chain[0], list(chain[1:]))
    except VerificationError as error:
        said = str(error).removeprefix("validation failed: ").removeprefix("candidates exhausted: ")[:200]
        why = "a certificate between them is missing" if _NO_ISSUER in said else said
        raise NotTrusted(f"no chain leads from {named(chain[0])} to the authority: {why}") from error
    key = chain[0].public_key()
    if not isinstance(key, EllipticCurvePublicKey):
        raise NotTrusted(why_not(key))
    return key


def named(certificate: "Certificate") -> str:
    """Return whose certificate it is, to be shown."""
    subject = certificate.subject.rfc4514_string() or f"the certificate {certificate.serial_number:x}"
    return "".join(letter if letter.isprintable() else "?" for letter in subject)[:200]


def _verifier(authorities: Sequence["Certificate"], now: datetime) -> "ClientVerifier":
    """Return what builds chains: signatures, validity, names, lengths and purposes; no host name as for the web."""
    from cryptography import x509
    from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store

    at_will, may = Criticality.AGNOSTIC, ExtensionPolicy.permit_all()
    between = (
        may.require_present(x509.BasicConstraints, at_will, _require_authority)
        .may_be_present(x509.KeyUsage, at_will, _require_issuing)
        .may_be_present(x509.ExtendedKeyUsage, at_will, _require_purpose)
    )
    policy = PolicyBuilder().store(Store(list(authorities))).time(now).max_chain_depth(_MAX_CHAIN)
    return policy.extension_policies(ca_policy=between, ee_policy=may).build_client_verifier()


def _require_authority(_policy: "Policy", _certificate: "Certificate", constraints: "BasicConstraints") -> None:
    if not constraints.ca:
        raise ValueError("a certificate in the chain may not issue others")


def _require_issuing(_policy: "Policy", _certificate: "Certificate", usage: "KeyUsage | None") -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("a certificate in the chain may not issue others (keyUsage without keyCertSign)")


def _require_purpose(_policy: "Policy", _certificate: "Certificate", purposes: "ExtendedKeyUsage | None") -> None:
    if purposes is not None and not _is_for_code(purposes):
        raise ValueError("a certificate in the chain is not for code signing (extendedKeyUsage)")


def _is_for_code(purposes: "ExtendedKeyUsage") -> bool:
    from cryptography.x509.oid import ExtendedKeyUsageOID

    return bool({ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(purposes))


def _require_signer(certificate: "Certificate", now: datetime) -> None:
    """Raise `NotTrusted` for a certificate that is not valid now, or says that it is for something else."""
    from cryptography import x509

    whose = named(certificate)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins <= now <= ends:
        raise NotTrusted(f"the certificate of {whose} is valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}")
    if reason := why_not(certificate.public_key()):
        raise NotTrusted(f"the certificate of {whose} cannot be used: {reason}")
    try:
        extensions = {type(one.value): one.value for one in certificate.extensions}
    except (ValueError, x509.DuplicateExtension) as error:
        raise NotTrusted(f"the certificate of {whose} cannot be read ({error})") from error
    usage, purposes = extensions.get(x509.KeyUsage), extensions.get(x509.ExtendedKeyUsage)
    if usage is None and purposes is None:
        raise NotTrusted(f"the certificate of {whose} {_NOT_SIGNING}: it says nothing of its use")
    if isinstance(usage, x509.KeyUsage) and not usage.digital_signature:
        raise NotTrusted(f"the certificate of {whose} {_NOT_SIGNING}: its keyUsage lacks digitalSignature")
    if isinstance(purposes, x509.ExtendedKeyUsage) and not _is_for_code(purposes):
        raise NotTrusted(f"the certificate of {whose} {_NOT_SIGNING}: its extendedKeyUsage lacks codeSigning")
