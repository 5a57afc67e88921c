"""Paths that come from outside: from the Hub, a stamp or a lock file."""

import os
from pathlib import PurePosixPath, PureWindowsPath


def is_safe_path(path: str) -> bool:
    """Whether a listed path stays inside its folder under POSIX and Windows rules.

    The rules of huggingface_hub 1.33 (`_validate_relative_filename`): no `..`, no root, no drive, no network share;
    and nothing that no file system takes: NUL, half a surrogate pair.
    """
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    if not path or "\0" in path or ".." in path.replace("\\", "/").split("/"):
        return False
    forms = (PurePosixPath(path), *map(PureWindowsPath, path.split("/")))
    return not any(form.drive or form.root for form in forms)
