"""The time zone of this machine, by its IANA name."""

import os
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runbook_lib.errors import UsageError

_UTC: Final = "UTC"
_LINK: Final = Path("/etc/localtime")
_NAMED: Final = Path("/etc/timezone")


def local_zone() -> str:
    """Return the name of this machine's zone; UTC where it cannot be told, as on Windows without TZ."""
    link = os.path.realpath(_LINK) if _LINK.is_symlink() else ""
    named = _NAMED.read_text(encoding="ascii", errors="replace").strip() if _NAMED.is_file() else ""
    candidates = (os.environ.get("TZ", "").lstrip(":"), link.partition("/zoneinfo/")[2], named)
    found = next((name for name in candidates if name and _is_zone(name)), _UTC)
    return _UTC if found in ("Etc/UTC", "Universal", "Zulu", "GMT", "Etc/GMT") else found


def require_zone(name: str) -> str:
    """Return the name of a zone; raises `UsageError` for one that there is not."""
    if not _is_zone(name):
        raise UsageError(f"There is no time zone {name!r}.", remedy="Give an IANA name, such as Europe/Berlin or UTC.")
    return name


def zone_of(name: str) -> tzinfo:
    """Return a zone by name; UTC needs no database, which Windows lacks."""
    return UTC if name == _UTC else ZoneInfo(name)


def _is_zone(name: str) -> bool:
    try:
        zone_of(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
