"""The tree of errors; imports nothing of the package.

    RunbookError                 exit code 1: cannot go on
    |-- UsageError               exit code 2: the caller's words are wrong
    |   |-- SettingsError        a parameter, variable or runbook.toml entry
    |   `-- RecordError          a run folder or record that cannot be read
    |-- LateConfigurationError   huggingface_hub was imported under other values
    |-- DeadlineExceeded         a step ran into its wall-clock limit
    |-- HubError                 the Hub, or what stands in its way
    |-- DiskError                no space, no write access, no lock
    |-- PracticeError            the built-in hub or its models
    `-- StageFailed              a stage ended with failed checks

A missing file or a bad hash is no error but a `Check` with status `fail`; an exception means "cannot go on".
"""

import os
import traceback
from typing import ClassVar

DEBUG_VARIABLE = "RUNBOOK_DEBUG"


class RunbookError(Exception):
    """Base of every error the runbook raises on purpose; catch this around any public call.

    Args:
        what: One sentence: what went wrong, naming the thing.
        why: The evidence or the cause, as far as it is known.
        remedy: What the reader should do next.
    """

    id: ClassVar[str] = "runbook-error"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Return the message as lines: what, then why, then what to do."""
        parts = (("", self.what), ("why: ", self.why), ("what to do: ", self.remedy))
        return [f"{label}{text}" for label, text in parts if text]

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows (IPython.core.interactiveshell, also used by papermill).

        Only our own lines, unless the variable `RUNBOOK_DEBUG` asks for the whole trace.
        """
        if os.environ.get(DEBUG_VARIABLE):
            return "".join(traceback.format_exception(self)).splitlines()
        return [f"{type(self).__name__} ({self.id})", *self.lines()]


class UsageError(RunbookError):
    """The caller's words cannot be taken; nothing was started or written."""

    id = "usage"
    exit_code = 2


class SettingsError(UsageError):
    """A parameter, a `RUNBOOK_*` variable or a `runbook.toml` entry is unknown or has a wrong value."""

    id = "settings"


class RecordError(UsageError):
    """A run folder or a record in it is missing, unreadable or of another schema version."""

    id = "record"


class LateConfigurationError(RunbookError):
    """`huggingface_hub` was imported before the variables it reads at import were set (quirk Q13)."""

    id = "late-configuration"


class DeadlineExceeded(RunbookError):
    """A step was stopped at its wall-clock limit."""

    id = "deadline"

    def __init__(self, step: str, limit_s: float, *, why: str = "", remedy: str = "") -> None:
        super().__init__(f"{step} was stopped after {limit_s:g} s.", why=why, remedy=remedy)
        self.step = step
        self.limit_s = limit_s


class HubError(RunbookError):
    """The Hub could not be reached, refused, or answered with something else than the Hub's protocol."""

    id = "hub"


class DiskError(RunbookError):
    """The file system refused: no space, no write access, no lock."""

    id = "disk"


class PracticeError(RunbookError):
    """The built-in practice hub or its models cannot be made ready."""

    id = "practice"


class StageFailed(RunbookError):
    """A stage ended with failed checks; the message names the first one and what mends it."""

    id = "stage-failed"
