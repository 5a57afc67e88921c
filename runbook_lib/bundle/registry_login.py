"""Logging in to a registry: its own password, or a token from the service that it names."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from runbook_lib.bundle.docker_config import Credentials, credentials_for
from runbook_lib.core.masking import mask_url_credentials
from runbook_lib.errors import BundleError
from runbook_lib.system.loopback import is_loopback

if TYPE_CHECKING:
    import httpx

_PART: Final = re.compile(r'(\w+)="([^"]*)"')
_MAX_TOKEN: Final = 64 * 1024


@dataclass
class Login:
    """What is sent to one registry, and nowhere else."""

    host: str
    base: str
    client: "httpx.Client" = field(repr=False)
    _header: str = field(default="", repr=False)
    _has_credentials: bool = False

    def headers(self) -> dict[str, str]:
        """Return what proves who asks; nothing before the registry has asked for it."""
        return {"Authorization": self._header} if self._header else {}

    def words(self) -> str:
        """Say whether credentials were there, and nothing of them."""
        return (
            f"there are {'' if self._has_credentials else 'no '}credentials for {self.host} in docker's configuration"
        )

    def renew(self, answer: "httpx.Response") -> bool:
        """Take what the registry asks for in its answer 401; False when there is nothing to try with.

        Raises `BundleError` rather than to send a password over an open line.
        """
        scheme, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
        credentials = credentials_for(self.host)
        self._has_credentials = credentials is not None
        if scheme.lower() == "basic" and credentials is not None:
            _require_closed_line(self.base)
            self._header = credentials.basic()
            return True
        if scheme.lower() == "bearer":
            token = self._token(dict(_PART.findall(rest)), credentials)
            self._header = f"Bearer {token}" if token else ""
            return bool(token)
        return False

    def _token(self, asked: dict[str, str], credentials: Credentials | None) -> str:
        """Fetch a token (distribution specification of docker, "Token authentication")."""
        realm = asked.get("realm", "")
        if urlsplit(realm).scheme not in ("http", "https"):
            return ""
        headers = {}
        if credentials is not None:
            _require_closed_line(realm)
            headers["Authorization"] = credentials.basic()
        parameters: dict[str, str] = {name: asked[name] for name in ("service", "scope") if name in asked}
        answer = self.client.get(realm, params=parameters, headers=headers)
        if answer.is_error or len(answer.content) > _MAX_TOKEN:
            return ""
        try:
            told = answer.json()
        except ValueError:
            return ""
        token = (told.get("token") or told.get("access_token")) if isinstance(told, dict) else None
        return token if isinstance(token, str) and token.isascii() and token.isprintable() else ""


def _require_closed_line(url: str) -> None:
    if urlsplit(url).scheme == "https" or is_loopback(url):
        return
    raise BundleError(
        f"No password is sent to {mask_url_credentials(url)}.",
        why="It asks for one without TLS, so that everybody on the way could read it.",
        remedy="Use oci:// with the registry's https address.",
    )
