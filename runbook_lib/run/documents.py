"""Which files the setting `document` stands for: a file, those of a folder, or those a pattern matches."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

_NOT_DOCUMENTS = frozenset({"thumbs.db", "desktop.ini"})
_OPEN_ELSEWHERE = "~$"
"""Beginning of the name of the file that Office keeps beside a document that is open."""


def find_documents(named: str) -> tuple[Path, ...]:
    """Return the files in the order of their names; a folder is searched with the folders in it.

    A file that has the name of a pattern is that file. Hidden files and what Office and Windows leave beside
    documents are passed over in a folder, and not where a pattern names them.
    """
    if os.path.isfile(named):  # noqa: PTH113 - Path.is_file raises where a parent may not be read
        return (Path(named),)
    if os.path.isdir(named):  # noqa: PTH112 - as above
        return tuple(_in_folder(Path(named)))
    return tuple(Path(path) for path in sorted(glob.glob(named, recursive=True)) if os.path.isfile(path))  # noqa: PTH113, PTH207


def _in_folder(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith((".", _OPEN_ELSEWHERE)) and name.lower() not in _NOT_DOCUMENTS and path.is_file():
                yield path
