"""What the audit says about one place in a repository."""

from enum import StrEnum

from pydantic import Field, field_validator

from runbook_lib.core.masking import mask_secrets
from runbook_lib.core.value import Value


class Severity(StrEnum):
    """How bad a finding is; the words are SARIF's levels."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """Zero for the worst; sorts findings."""
        return list(Severity).index(self)


class Finding(Value):
    """A rule broken at one place; never holds the text of the file, so it cannot leak a secret."""

    rule_id: str
    severity: Severity
    path: str = Field(description="relative to the audited folder, with forward slashes")
    line: int = Field(ge=1)
    message: str
    remedy: str
    quirk: str
    column: int | None = Field(default=None, ge=1)
    end_line: int | None = Field(default=None, ge=1)

    @field_validator("message")
    @classmethod
    def _without_secrets(cls, message: str) -> str:
        return mask_secrets(message)


class SkippedFile(Value):
    """A file or folder that was not read, or only in part."""

    path: str
    reason: str
