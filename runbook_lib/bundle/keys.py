"""Keys in PEM files: on elliptic curves, as OpenSSF Model Signing has them."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from runbook_lib.errors import UsageError
from runbook_lib.system.filesystem import describe_os_error

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
_MAX_BYTES: Final = 1024**2
_MAKE_A_PAIR: Final = (
    "Make a pair: openssl ecparam -name prime256v1 -genkey -noout -out key.pem;"
    " openssl ec -in key.pem -pubout -out key.pub.pem"
)


def read_private_key(path: Path) -> "EllipticCurvePrivateKey":
    """Read a private key that no password protects; raises `UsageError` that quotes nothing of the file."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(read_pem(path), password=None)
    except (ValueError, TypeError) as error:  # its words may quote the file
        raise unusable(path, f"it is not a private key in PEM without a password ({type(error).__name__})") from None
    if not isinstance(key, EllipticCurvePrivateKey):
        raise unusable(path, why_not(key))
    if reason := why_not(key.public_key()):
        raise unusable(path, reason)
    return key


def public_key_in(content: bytes, path: Path) -> "EllipticCurvePublicKey":
    """Read a public key; raises `UsageError`."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(content)
    except ValueError as error:
        reason = f"it is neither a public key nor a certificate in PEM ({type(error).__name__})"
        raise unusable(path, reason) from None
    if (reason := why_not(key)) or not isinstance(key, EllipticCurvePublicKey):
        raise unusable(path, reason)
    return key


def why_not(key: object) -> str:
    """Return why a public key is none that signatures are checked with here; empty when it is one."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    if isinstance(key, EllipticCurvePublicKey) and key.curve.name in CURVES:
        return ""
    return f"it is not a key on one of the curves {', '.join(CURVES)}"


def hash_for(key: "EllipticCurvePublicKey") -> "HashAlgorithm":
    """Return what is signed with a key on this curve."""
    from cryptography.hazmat.primitives import hashes

    return {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.curve.key_size]


def read_pem(path: Path) -> bytes:
    """Return the content of a file of keys or certificates; raises `UsageError`."""
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise unusable(path, describe_os_error(error)) from error


def unusable(path: Path, why: str, what: str = "a key", remedy: str = _MAKE_A_PAIR) -> UsageError:
    """Return the error for a file that is not what it was named as."""
    return UsageError(f"{path} cannot be used as {what}.", why=f"{why[:1].upper()}{why[1:]}.", remedy=remedy)
