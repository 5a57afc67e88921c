"""Runs the notebooks on the practice hub and stores their outputs, free of anything that names this machine."""

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from practice_notebooks import FOLDER_PREFIX, exemplified, practice_environment, replacements, stored_notebooks

from runbook_lib.notebooks import ENCRYPTED

_TIMEOUT_S = 900
_UNDERLINE = re.compile("-{4,}")
_PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]*")


def main() -> None:
    """Execute every notebook in order and write it back."""
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as name:
        os.environ.clear()
        os.environ.update(practice_environment(Path(name)))
        for path in stored_notebooks():
            sys.stdout.write(f"{path.name}\n")
            sys.stdout.flush()
            store(path, Path(name))


def store(path: Path, folder: Path) -> None:
    """Execute one notebook; one that fails is not stored, and stops everything."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": folder}},
        config=ENCRYPTED,
    ).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            clean(output)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


def clean(output: dict[str, Any]) -> None:
    """Replace in one output what names this machine or this moment.

    Plain text beside HTML is folded: how it is broken and aligned depends on what was replaced.
    """
    texts = output if "text" in output else output.get("data", {})
    for kind, text in texts.items():
        if isinstance(text, str) and (kind == "text" or kind.startswith("text/")):
            shown = cleaned(text)
            texts[kind] = folded(shown) if kind == "text/plain" and "text/html" in texts else shown


def folded(text: str) -> str:
    """Return the text on one line, its underlines cut to four dashes."""
    return _UNDERLINE.sub("----", " ".join(text.split()))


def cleaned(text: str) -> str:
    """Apply every replacement in order, then put examples there; the pictures inside HTML are kept."""
    words, pictures = _PICTURE.split(text), _PICTURE.findall(text)
    for pattern, replacement in replacements():
        words = [pattern.sub(replacement, part) for part in words]
    words = [exemplified(part) for part in words]
    return "".join(part + picture for part, picture in zip(words, [*pictures, ""], strict=True))


if __name__ == "__main__":
    main()
