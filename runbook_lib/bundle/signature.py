"""Who made a bundle: a signature in the OpenSSF Model Signing format (v1.0), by a key or by a company's certificate.

The format is that of the package model-signing 1.1: a Sigstore bundle with a DSSE envelope around an in-toto statement
that names every file of the layout and its SHA-256.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runbook_lib.bundle.certificates import (
    MARK,
    NotTrusted,
    chain_to_sign_with,
    decoded,
    encoded,
    named,
    read_certificates,
    trusted_key,
)
from runbook_lib.bundle.keys import hash_for, public_key_in, read_pem, read_private_key
from runbook_lib.bundle.media_types import BLOBS, SIGNATURE_FILE
from runbook_lib.bundle.names import refused
from runbook_lib.bundle.oci import json_bytes
from runbook_lib.bundle.sources import Source
from runbook_lib.core.extras import require_extra
from runbook_lib.errors import BundleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PREDICATE: Final = "https://model_signing/signature/v1.0"


@dataclass(frozen=True)
class SigningFiles:
    """What a bundle is signed with: PEM files."""

    key: Path
    certificate: Path | None = None
    """Of the key; behind it in the file what lies between it and the authority."""


@dataclass(frozen=True)
class _Signature:
    """A signature as it was read: nothing of it is believed yet."""

    payload: bytes
    signature: bytes
    certificates: object
    """As the Sigstore bundle has them; None where it was made with a key alone."""


def sign(resources: Mapping[str, str], files: SigningFiles) -> bytes:
    """Return the signature over the files of a layout, by name and SHA-256.

    Raises `UsageError` without the extra `sign`, and for a key or certificate that cannot be used.
    """
    require_extra("sign", "cryptography", purpose="Signing a bundle")
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    key = read_private_key(files.key)
    public = key.public_key()
    material: dict[str, Any] = {"publicKey": {"hint": _hint(public)}}
    if files.certificate is not None:
        chain = chain_to_sign_with(files.certificate, public)
        material = {"x509CertificateChain": {"certificates": encoded(chain)}}
    payload = json_bytes(_statement(resources))
    signature = key.sign(_encoded(payload), ECDSA(hash_for(public)))
    return json_bytes(
        {
            "mediaType": _MEDIA_TYPE,
            "verificationMaterial": {**material, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": _PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
            },
        }
    )


def require_signature(source: Source, trusted: Path, tops: Mapping[str, bytes]) -> str:
    """Return who signed a bundle, over all of its files; raises `BundleError` when it is nobody who is trusted.

    `trusted` holds a public key, or the certificates of authorities, in PEM. `tops` are the layout's own files as they
    were read: what is believed afterwards has to be these bytes, not what stands there later. The contents of blobs are
    not read here: their names are their hashes, which the import compares.
    """
    require_extra("sign", "cryptography", purpose="Checking a signature")
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    content = read_pem(trusted)
    by_authority = MARK in content
    known = public_key_in(content, trusted) if not by_authority else None
    read = _read(source)
    key, who = (known, f"the key in {trusted.name}") if known else _certified(source, read, trusted)
    try:
        key.verify(read.signature, _encoded(read.payload), ECDSA(hash_for(key)))
    except InvalidSignature:
        by = who if by_authority else "this key"
        raise refused(f"{source.words} is not signed by {by}.", f"{SIGNATURE_FILE} does not verify") from None
    _require_files(source, _resources(source, read.payload), tops)
    return who


def _certified(source: Source, read: _Signature, trusted: Path) -> "tuple[EllipticCurvePublicKey, str]":
    """Return the key of the certificate that goes along, and whose it is, when an authority vouches for it."""
    authorities = read_certificates(trusted)
    if read.certificates is None:
        raise refused(
            f"{source.words} is signed by a key without a certificate.",
            f"{trusted} holds certificates; have it signed with --certificate, or require the public key",
        )
    try:
        chain = decoded(read.certificates)
    except ValueError as error:
        raise _odd(source) from error
    try:
        return trusted_key(chain, authorities, datetime.now(UTC)), named(chain[0])
    except NotTrusted as reason:
        raise refused(f"{source.words} is not signed by anybody {trusted} vouches for.", _sentence(reason)) from None


def _statement(resources: Mapping[str, str]) -> dict[str, Any]:
    """Return the statement; the digest of the subject is that of all digests, in the order of the names."""
    ordered = sorted(resources.items())
    whole = hashlib.sha256(b"".join(bytes.fromhex(sha256) for _name, sha256 in ordered))
    serialization = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": [SIGNATURE_FILE],
    }
    named = [{"name": name, "algorithm": "sha256", "digest": sha256} for name, sha256 in ordered]
    return {
        "_type": _STATEMENT,
        "subject": [{"name": "bundle", "digest": {"sha256": whole.hexdigest()}}],
        "predicateType": _PREDICATE,
        "predicate": {"serialization": serialization, "resources": named},
    }


def _encoded(payload: bytes) -> bytes:
    """Return what is signed: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(_PAYLOAD_TYPE), _PAYLOAD_TYPE.encode(), len(payload), payload)


def _hint(key: "EllipticCurvePublicKey") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _read(source: Source) -> _Signature:
    """Read a bundle's signature file."""
    try:
        bundle = json.loads(source.document(SIGNATURE_FILE))
        envelope, chain = bundle["dsseEnvelope"], bundle["verificationMaterial"].get("x509CertificateChain")
        (signed,) = envelope["signatures"]
        read = _Signature(
            base64.b64decode(envelope["payload"], validate=True),
            base64.b64decode(signed["sig"], validate=True),
            None if chain is None else chain["certificates"],
        )
        kind = envelope["payloadType"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise _odd(source) from error
    if kind != _PAYLOAD_TYPE:
        raise _odd(source)
    return read


def _resources(source: Source, payload: bytes) -> dict[str, str]:
    """Return what was signed, by name."""
    try:
        statement = json.loads(payload)
        kinds = statement["_type"], statement["predicateType"]
        listed = [(entry["name"], entry["algorithm"], entry["digest"]) for entry in statement["predicate"]["resources"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _odd(source) from error
    signed = {str(name): str(digest) for name, algorithm, digest in listed if algorithm == "sha256"}
    if kinds != (_STATEMENT, _PREDICATE) or len(signed) != len(listed):
        raise _odd(source)
    return signed


def _require_files(source: Source, signed: Mapping[str, str], tops: Mapping[str, bytes]) -> None:
    """Compare the files of the layout with those that were signed."""
    here = (source.names() | tops.keys()) - {SIGNATURE_FILE}
    for what, names in (("added", here - signed.keys()), ("removed", signed.keys() - here)):
        if names:
            raise refused(f"{source.words} is not what was signed.", f"{len(names)} files were {what}: {min(names)}")
    for name, sha256 in signed.items():
        as_signed = hashlib.sha256(tops[name]).hexdigest() == sha256 if name in tops else name == f"{BLOBS}/{sha256}"
        if not as_signed:
            raise refused(f"{source.words} is not what was signed.", f"{name} was changed")


def _sentence(reason: Exception) -> str:
    return f"{str(reason)[:1].upper()}{str(reason)[1:]}"


def _odd(source: Source) -> BundleError:
    return refused(f"{source.words} bears no signature that can be read.", f"{SIGNATURE_FILE} has another format")
