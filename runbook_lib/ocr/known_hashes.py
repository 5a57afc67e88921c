"""The hashes of OCR models that the installed rapidocr brings along, read from its files without importing it."""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

_ENTRY = re.compile(r"model_dir:\s*(\S+/)?([^/\s]+)\s+SHA256:\s*([0-9a-fA-F]{64})")
"""default_models.yaml of rapidocr 2 and 3: the address of a model, in the next line its hash."""


def known_hashes(package: Path | None) -> Mapping[str, frozenset[str]]:
    """Return file name to the hashes it may have (a name is used for more than one release); empty without rapidocr."""
    try:
        text = (package / "default_models.yaml").read_text(encoding="utf-8") if package else ""
    except (OSError, UnicodeDecodeError):
        return {}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for _, name, sha256 in _ENTRY.findall(text):
        found[name].add(sha256.lower())
    return {name: frozenset(hashes) for name, hashes in found.items()}
