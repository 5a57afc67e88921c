"""Who made a bundle: a signature in the OpenSSF Model Signing format (v1.0), by a key on an elliptic curve.

The format is that of the package model-signing 1.1: a Sigstore bundle with a DSSE envelope around an in-toto statement
that names every file of the layout and its SHA-256.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runbook_lib.bundle.media_types import BLOBS, INDEX_FILE, LAYOUT_FILE, SIGNATURE_FILE
from runbook_lib.bundle.names import refused
from runbook_lib.bundle.oci import json_bytes
from runbook_lib.bundle.sources import Source
from runbook_lib.core.extras import require_extra
from runbook_lib.errors import BundleError, UsageError
from runbook_lib.system.filesystem import describe_os_error

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PREDICATE: Final = "https://model_signing/signature/v1.0"
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
_MAX_KEY_BYTES: Final = 64 * 1024


def sign(resources: Mapping[str, str], key_path: Path) -> bytes:
    """Return the signature over the files of a layout, by name and SHA-256, with a private key in PEM.

    The key must not be protected by a password. Raises `UsageError` without the extra `sign`, and for a key that
    cannot be used.
    """
    require_extra("sign", "cryptography", purpose="Signing a bundle")
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(key_path), password=None)
    except (ValueError, TypeError) as error:  # its words may quote the file
        raise _no_key(key_path, f"it is no private key in PEM without a password ({type(error).__name__})") from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in _CURVES:
        raise _no_key(key_path, f"it is no key on one of the curves {', '.join(_CURVES)}")
    payload = json_bytes(_statement(resources))
    signature = key.sign(_encoded(payload), ECDSA(_hash_for(key.public_key())))
    return json_bytes(
        {
            "mediaType": _MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": _hint(key.public_key())}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": _PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
            },
        }
    )


def require_signature(source: Source, key_path: Path) -> None:
    """Raise `BundleError` unless a bundle bears a signature by the owner of the public key, over all of its files.

    The contents of blobs are not read here: their names are their hashes, which the import compares.
    """
    require_extra("sign", "cryptography", purpose="Checking a signature")
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_read(key_path))
    except ValueError as error:
        raise _no_key(key_path, f"it is no public key in PEM ({type(error).__name__})") from None
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise _no_key(key_path, f"it is no key on one of the curves {', '.join(_CURVES)}")
    signature, payload = _envelope(source)
    try:
        key.verify(signature, _encoded(payload), ECDSA(_hash_for(key)))
    except InvalidSignature:
        raise refused(f"{source.words} is not signed by this key.", f"{SIGNATURE_FILE} does not verify") from None
    _require_files(source, _resources(source, payload))


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


def _hash_for(key: "EllipticCurvePublicKey") -> "HashAlgorithm":
    from cryptography.hazmat.primitives import hashes

    return {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.curve.key_size]


def _hint(key: "EllipticCurvePublicKey") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _envelope(source: Source) -> tuple[bytes, bytes]:
    """Return signature and payload of a bundle's signature file."""
    try:
        envelope = json.loads(source.document(SIGNATURE_FILE))["dsseEnvelope"]
        (signed,) = envelope["signatures"]
        kind = envelope["payloadType"]
        parts = base64.b64decode(signed["sig"], validate=True), base64.b64decode(envelope["payload"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise _odd(source) from error
    if kind != _PAYLOAD_TYPE:
        raise _odd(source)
    return parts


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


def _require_files(source: Source, signed: Mapping[str, str]) -> None:
    """Compare the files of the layout with those that were signed."""
    here = source.names() - {SIGNATURE_FILE}
    for what, names in (("added", here - signed.keys()), ("removed", signed.keys() - here)):
        if names:
            raise refused(f"{source.words} is not what was signed.", f"{len(names)} files were {what}: {min(names)}")
    for name, sha256 in signed.items():
        is_blob = name.startswith(f"{BLOBS}/")
        found = name.rpartition("/")[2] if is_blob else hashlib.sha256(source.document(name)).hexdigest()
        if found != sha256 or not (is_blob or name in (LAYOUT_FILE, INDEX_FILE)):
            raise refused(f"{source.words} is not what was signed.", f"{name} was changed")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_KEY_BYTES)
    except OSError as error:
        raise _no_key(path, describe_os_error(error)) from error


def _no_key(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path} cannot be used as a key.",
        why=f"{why[:1].upper()}{why[1:]}.",
        remedy="Make a pair: openssl ecparam -name prime256v1 -genkey -noout -out key.pem;"
        " openssl ec -in key.pem -pubout -out key.pub.pem",
    )


def _odd(source: Source) -> BundleError:
    return refused(f"{source.words} bears no signature that can be read.", f"{SIGNATURE_FILE} has another format")
