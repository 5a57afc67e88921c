"""Servers on this machine are reached directly, whatever proxies are set."""

import ipaddress
import os
from collections.abc import Mapping, MutableMapping
from urllib.parse import urlsplit
from urllib.request import getproxies

HOSTS = ("localhost", "127.0.0.1", "::1")
_SPELLINGS = ("NO_PROXY", "no_proxy")


_added: dict[str, tuple[str | None, str]] = {}
"""What each variable was in this process, and what `reach_loopback_directly` made of it."""


def as_before_reaching() -> dict[str, str]:
    """Return this process's variables without what `reach_loopback_directly` added: as the user's own programs are."""
    ours = {name: before for name, (before, joined) in _added.items() if os.environ.get(name) == joined}
    return {name: value for name, value in {**os.environ, **ours}.items() if value is not None}


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bypasses_loopback(environ: Mapping[str, str]) -> bool:
    """Tell whether NO_PROXY keeps the requests to this machine away from the proxy; lower case wins, as in urllib."""
    given = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    named = {part.strip().lower() for part in given.split(",")}
    return "*" in named or {"127.0.0.1", "localhost"} <= named


def reach_loopback_directly(environ: MutableMapping[str, str] | None = None) -> None:
    """Add this machine to NO_PROXY, for this process and all that it starts; nothing happens where no proxy is set.

    urllib, requests, httpx and hf_xet send requests to 127.0.0.1 through HTTP_PROXY as well (curl too); a company's
    proxy answers them with a page of its own. On Windows a NO_PROXY in the environment makes Python pass over the
    proxies of the registry altogether (`urllib.request.getproxies`): right for a process whose hub is on this machine.
    """
    environ = os.environ if environ is None else environ
    if not getproxies() or bypasses_loopback(environ):
        return
    given = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    parts = [part.strip() for part in given.split(",") if part.strip()]
    joined = ",".join((*parts, *(host for host in HOSTS if host not in parts)))
    if environ is os.environ:
        _added.update({name: (environ.get(name), joined) for name in _SPELLINGS})  # on Windows both are one variable
    for name in _SPELLINGS:
        environ[name] = joined
