"""Models that are single files and do not come from the Hub: those of the OCR engines."""

from pydantic import field_validator

from runbook_lib.cache.paths import is_safe_path
from runbook_lib.core.value import Value


class ModelFile(Value):
    """One file: what it is called, where it can be had, and how it is known to be the right one."""

    name: str
    """Relative to the folder of its engine, with forward slashes."""
    url: str
    """Where the engine itself would fetch it; a zip archive holds the file under its name."""
    sha256: str = ""
    """From the engine's own list of models (rapidocr); empty when it has none."""
    md5: str = ""
    """easyocr's only hash; protects against accidents, not against anybody."""
    shipped: str = ""
    """Where the installed engine brought it along; empty when it did not."""

    @field_validator("name")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        if not is_safe_path(value):
            raise ValueError("the path would leave its folder")
        return value

    @property
    def is_archived(self) -> bool:
        """Whether what the address serves is a zip archive that holds the file."""
        return self.url.lower().endswith(".zip") and not self.name.lower().endswith(".zip")
