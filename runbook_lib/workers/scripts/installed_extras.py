"""Which extra of the installed docling brings a package that is missing; read from metadata, nothing is imported."""

from __future__ import annotations

import re
from importlib import metadata

DISTRIBUTIONS = ("docling-slim", "docling")
"""The package `docling` comes from docling-slim since 2.8x; then docling is a distribution without files."""
DISTRIBUTION_OF = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "pypdfium2_raw": "pypdfium2",
    "rapidocr_onnxruntime": "rapidocr-onnxruntime",
    "whisper": "openai-whisper",
}
"""Distributions that are not named after what is imported."""
EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
NAME = re.compile(r"[A-Za-z0-9._-]+")


def remedy_for(module: str) -> str:
    """Return what to give to `pip install`: a distribution with the extra that brings least beside the module."""
    wanted = normalised(DISTRIBUTION_OF.get(module, module))
    for distribution in DISTRIBUTIONS:
        sizes: dict[str, int] = {}
        bringing: set[str] = set()
        for line in requirements(distribution):
            extra, name = EXTRA.search(line), NAME.match(line)
            if extra is None or name is None:
                continue
            sizes[extra[1]] = sizes.get(extra[1], 0) + 1
            if normalised(name[0]) == wanted:
                bringing.add(extra[1])
        bringing.discard("all")
        if bringing:
            smallest = min(sorted(bringing), key=lambda extra: sizes[extra])
            return f"{distribution}[{smallest}]"
    return wanted


def requirements(distribution: str) -> list[str]:
    """Return what an installed distribution requires; nothing for one that is not there."""
    try:
        return metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return []


def normalised(name: str) -> str:
    """Return a distribution's name as indexes write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
