"""Names that come out of a bundle: whoever made it may have wanted to write somewhere else."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from runbook_lib.cache.paths import is_safe_path
from runbook_lib.errors import BundleError

_MAX_NAME_BYTES: Final = 255
"""What ext4, NTFS and exFAT take for one name, more or less."""
_MAX_PATH_BYTES: Final = 1024
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
"""Windows takes none of them in a name; `:` opens a stream of NTFS behind a file."""
_DEVICES: Final = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE)
"""Names that lead to a device on Windows, whatever stands behind the first dot."""
_OWN: Final = frozenset({".cache", ".runbook-artifacts.json", ".runbook-quarantine"})
"""What the runbook and huggingface_hub keep in a model's folder and believe."""


def reason_against(name: str) -> str:
    """Return why a name from a bundle is not written on any system; empty when nothing speaks against it."""
    if not is_safe_path(name):
        return "it leads out of its folder"
    if len(name.encode()) > _MAX_PATH_BYTES:
        return f"it is longer than {_MAX_PATH_BYTES} bytes"
    return next((reason for part in name.split("/") if (reason := _against_part(part))), "")


def _against_part(part: str) -> str:
    if part in ("", "."):
        return "it holds an empty part"
    if _FORBIDDEN.search(part):
        return "it holds a character that Windows does not take"
    if part != part.rstrip(". "):
        return "a part of it ends with a dot or a space, which Windows drops"
    if _DEVICES.fullmatch(part.partition(".")[0].rstrip(" ")):
        return "it is the name of a device on Windows"
    if part.casefold() in _OWN:
        return "the runbook or huggingface_hub keeps its own notes under this name"
    return f"a part of it is longer than {_MAX_NAME_BYTES} bytes" if len(part.encode()) > _MAX_NAME_BYTES else ""


def require_names(names: Iterable[str], what: str) -> None:
    """Raise `BundleError` for a name that may not be written, and for two that are one file on some system.

    NTFS and exFAT tell no upper case from lower case, macOS no composed letter from a decomposed one.
    """
    files: dict[str, str] = {}
    for name in names:
        if reason := reason_against(name):
            raise refused(f"{what} names a file {name!r}.", reason)
        if (other := files.get(_folded(name))) is not None:
            raise refused(f"{what} names {other!r} and {name!r}.", "On Windows or macOS both are the same file")
        files[_folded(name)] = name
    for folded, name in files.items():
        for parent in PurePosixPath(folded).parents:
            if str(parent) in files:
                raise refused(f"{what} names {name!r}.", f"{files[str(parent)]!r} is a file, not a folder, there")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def refused(what: str, why: str) -> BundleError:
    """Return the error for a bundle that is not taken."""
    return BundleError(
        what,
        why=f"{why}." if not why.endswith(".") else why,
        remedy="Nothing was written. Have the bundle exported and carried over again, and ask where this one comes "
        "from.",
    )
