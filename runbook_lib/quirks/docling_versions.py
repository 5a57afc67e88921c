"""How docling names the folders of its models: the facts of quirk docling-artifacts-renamed."""

from typing import Final

from packaging.version import Version

FOLDER_PREFIX: Final = "docling-project--"
OLD_FOLDER_PREFIX: Final = "ds4sd--"
FOLDERS_RENAMED_IN: Final = Version("2.61.2")
"""From here on docling never reads folders of the old name (commit 06ae8ae2)."""
