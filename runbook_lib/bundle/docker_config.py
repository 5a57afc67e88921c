"""Credentials for a registry as docker, podman and skopeo keep them; they are used, and never shown or stored."""

import base64
import binascii
import json
import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from runbook_lib.errors import BundleError

_HELPER_LIMIT_S: Final = 30.0
_MAX_BYTES: Final = 1024**2
_IDENTITY: Final = "<token>"
"""What a helper gives for a name when the secret is an identity token (docker-credential-helpers)."""


@dataclass(frozen=True)
class Credentials:
    """A name and its secret."""

    user: str = field(repr=False)
    secret: str = field(repr=False)

    def basic(self) -> str:
        """Return the value of an Authorization header."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.secret}'.encode()).decode()}"


def config_path() -> Path:
    """Return where docker's command line keeps them: `DOCKER_CONFIG`, else `~/.docker`."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"


def credentials_for(host: str) -> Credentials | None:
    """Return the credentials for a host, with its port; None when nobody has logged in there.

    Raises `BundleError`, without any content of it, when the file cannot be read or holds what is not understood.
    """
    config = _config(config_path())
    helpers = config.get("credHelpers")
    helper = helpers.get(host) if isinstance(helpers, dict) else None
    if helper is None and _entry(config, host) is None:
        helper = config.get("credsStore")
    if isinstance(helper, str) and helper:
        return _asked(helper, host)
    entry = _entry(config, host)
    return _read(entry, host) if entry else None


def _config(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(path, type(error).__name__) from error
    try:
        config = json.loads(content) if len(content) <= _MAX_BYTES else None
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise _unreadable(path, "it is no JSON object") from None
    return config


def _entry(config: dict[str, Any], host: str) -> dict[str, Any] | None:
    auths = config.get("auths")
    for name in (host, f"https://{host}", f"https://{host}/v2/", f"http://{host}"):
        entry = auths.get(name) if isinstance(auths, dict) else None
        if isinstance(entry, dict) and entry:
            return entry
    return None


def _read(entry: dict[str, Any], host: str) -> Credentials:
    if entry.get("identitytoken"):
        raise _no_identity(host)
    user, secret = entry.get("username"), entry.get("password")
    if isinstance(auth := entry.get("auth"), str) and auth:
        with suppress(binascii.Error, UnicodeDecodeError, ValueError):
            user, _, secret = base64.b64decode(auth, validate=True).decode().partition(":")
    if not (isinstance(user, str) and user and isinstance(secret, str)):
        raise _unreadable(config_path(), f"the entry for {host} holds no name and secret")
    return Credentials(user, secret.rstrip("\0"))


def _asked(helper: str, host: str) -> Credentials | None:
    """Ask a credential helper; what it says is never passed on."""
    try:
        done = subprocess.run(
            [f"docker-credential-{helper}", "get"],
            input=host,
            capture_output=True,
            text=True,
            timeout=_HELPER_LIMIT_S,
            check=False,
        )
        told = json.loads(done.stdout) if done.returncode == 0 else {}
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise BundleError(
            f"The credentials for {host} cannot be obtained.",
            why=f"docker-credential-{helper}, which {config_path()} names, ended with {type(error).__name__}.",
            remedy="Log in again with docker or skopeo, or remove the helper from that file.",
        ) from None
    user, secret = (told.get("Username"), told.get("Secret")) if isinstance(told, dict) else (None, None)
    if user == _IDENTITY:
        raise _no_identity(host)
    return Credentials(user, secret) if isinstance(user, str) and isinstance(secret, str) else None


def _no_identity(host: str) -> BundleError:
    return BundleError(
        f"The credentials for {host} are an identity token.",
        why="Only a name with a password or an access token is understood.",
        remedy=f"Log in with an access token: skopeo login {host}. Or pull with skopeo and import the folder.",
    )


def _unreadable(path: Path, why: str) -> BundleError:
    return BundleError(
        f"{path} cannot be read.", why=f"{why}.", remedy="Log in again with docker or skopeo, or fix the file."
    )
