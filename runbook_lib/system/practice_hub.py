"""Whether an address is that of a practice hub, which says so in every answer."""

from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from runbook_lib.core.practice_mark import HEADER
from runbook_lib.system.loopback import is_loopback

_LIMIT_S: Final = 2.0


def is_practice_hub(endpoint: str) -> bool:
    """Ask an address on this machine whether it is a practice hub; False at once for every other host.

    The practice hub listens on the loopback interface alone. What leads to it from elsewhere, or stands in front of it,
    is told by what it lists; see `require_practice_in_its_place`.
    """
    try:
        address = urlsplit(endpoint)
        host, port = address.hostname or "", address.port or 80
    except ValueError:  # no number, or a broken address
        return False
    return address.scheme == "http" and is_loopback(endpoint) and _names_itself(host, port, f"{address.path}/")


def _names_itself(host: str, port: int, path: str) -> bool:
    connection = HTTPConnection(host, port, timeout=_LIMIT_S)  # no proxy: proxies do not reach this machine's loopback
    try:
        connection.request("GET", path)
        return connection.getresponse().getheader(HEADER) is not None
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()
