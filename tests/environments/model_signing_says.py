"""Runs in the environment of model-signing: signs and verifies as asked on stdin, and prints what it said to each."""

import json
import sys
from pathlib import Path

from model_signing import signing, verifying  # type: ignore[import-not-found]  # in an environment of its own


def signed(model: Path, key: str, certificate: str, between: str) -> None:
    config = signing.Config()
    if certificate:
        config.use_certificate_signer(private_key=key, signing_certificate=certificate, certificate_chain=[between])
    else:
        config.use_elliptic_key_signer(private_key=Path(key))
    config.sign(model, model / "model.sig")


def verified(model: Path, key: str, authority: str) -> None:
    config = verifying.Config()
    if authority:
        config.use_certificate_verifier(certificate_chain=[authority])
    else:
        config.use_elliptic_key_verifier(public_key=key)
    config.verify(model, model / "model.sig")


def answer(model: str, key: str = "", certificate: str = "", between: str = "", authority: str = "") -> str:
    """Sign where a certificate or a private key is named, else verify; returns `ok`, or what was raised."""
    try:
        if certificate or key.endswith(".key.pem"):
            signed(Path(model), key, certificate, between)
        else:
            verified(Path(model), key, authority)
    except Exception as error:  # noqa: BLE001 - whatever it says is the answer
        return f"{type(error).__name__}: {error}"
    return "ok"


if __name__ == "__main__":
    print(json.dumps([answer(**question) for question in json.load(sys.stdin)]))  # noqa: T201
