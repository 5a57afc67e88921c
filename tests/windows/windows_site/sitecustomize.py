"""Gives every Windows interpreter of this lane the variables and the symlink behaviour that the test asked for.

`TEST_VARIABLES`: a JSON object to set over the environment. Wine puts its own values in place of USERPROFILE,
USERNAME, APPDATA, LOCALAPPDATA, TEMP and TMP when a process is started from outside.

`TEST_SYMLINKS`: `deny`: `os.symlink` raises what CPython raises on Windows for a user without
SeCreateSymbolicLinkPrivilege. `stub`: Wine's own behaviour, which reports success and creates nothing.
"""

import json
import os
import sys
from typing import Any, NoReturn

_ERROR_PRIVILEGE_NOT_HELD = 1314


def _deny(src: Any, dst: Any, target_is_directory: bool = False, *, dir_fd: int | None = None) -> NoReturn:
    # On Windows errno follows from the fourth argument (PC/errmap.h): 1314 becomes EINVAL, a plain OSError.
    message = "A required privilege is not held by the client"
    raise OSError(22, message, os.fspath(src), _ERROR_PRIVILEGE_NOT_HELD, os.fspath(dst))


def _remember_installed_folders() -> None:
    """Let imports look once at what does not change meanwhile.

    For each module the import system asks every folder of `sys.path` whether it has changed since, and a single stat
    takes Wine a millisecond.
    """
    bootstrap: Any = sys.modules["_frozen_importlib_external"]
    ask, known = bootstrap._path_stat, dict[str, os.stat_result]()
    installed = (sys.prefix, *os.environ.get("PYTHONPATH", sys.prefix).split(os.pathsep))

    def remembered(path: str) -> os.stat_result:
        if not path.startswith(installed):
            seen: os.stat_result = ask(path)
            return seen
        if path not in known:
            known[path] = ask(path)
        return known[path]

    bootstrap._path_stat = remembered


if os.name == "nt" and "WINEPREFIX" in os.environ:
    _remember_installed_folders()

# Taken out again: what a process sets for its own children must hold.
os.environ.update(json.loads(os.environ.pop("TEST_VARIABLES", "{}")))

match os.environ.get("TEST_SYMLINKS", "stub"):
    case "deny":
        os.symlink = _deny
    case "stub":
        pass
    case other:
        raise SystemExit(f"TEST_SYMLINKS must be deny or stub, not {other!r}.")
