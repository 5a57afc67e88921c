"""The tree of errors; imports nothing of the package.

    RunbookError                 1: cannot go on
    |-- UsageError               2: the caller's words are wrong
    |   |-- SettingsError        a parameter, variable or runbook.toml entry
    |   `-- RecordError          a run folder or record that cannot be read
    |-- LateConfigurationError   huggingface_hub was imported under other values
    |-- DeadlineExceeded         a step ran into its wall-clock limit
    |-- HubError                 what the Hub holds, or does not give
    |   `-- HubUnavailable       75: the Hub does not answer now, or asks to wait
    |-- DiskError                74: no space, no write access
    |   `-- LockHeld             75: another process is at it
    |       `-- RunBusy          in the run folder
    |-- PracticeError            the built-in hub or its models
    |-- BundleError              a bundle that cannot be made, or is refused
    |   `-- RegistryUnavailable  75: the registry that holds it does not answer now
    |-- FleetError               a cluster that cannot be used
    |   `-- SchedulerUnavailable 75: its scheduler does not answer now
    `-- StageFailed              a stage ended with failed checks

The numbers are the exit codes of the command line, for an error and what stands below it.

A missing file or a bad hash is no error but a `Check` with status `fail`; an exception means "cannot go on".
"""

import os
import traceback
from enum import IntEnum
from typing import ClassVar

DEBUG_VARIABLE = "RUNBOOK_DEBUG"


class ExitCode(IntEnum):
    """How a command ended, one number for each class that a scheduler would treat differently; docs/cli.md lists them.

    From 64 on the numbers are those of BSD's sysexits.h, above 128 those of a shell for a signal.
    """

    OK = 0
    FAILED = 1
    """The question was answered, and the answer is no; or the command cannot go on."""
    USAGE = 2
    """Wrong words or settings: running it again changes nothing."""
    PARTIAL = 3
    """Some of what was asked is done, and some is not."""
    DRIFTED = 10
    """What stands here is whole, and not what the lock file says; a detection script's number, as the next two."""
    BROKEN = 11
    """What stands here is damaged or in part."""
    UNKNOWN = 12
    """What stands here cannot be told."""
    INTERNAL = 70
    """A fault of the runbook itself."""
    DISK = 74
    """The file system refused: it needs a person."""
    TRY_LATER = 75
    """The network, a rate limit or a lock: the same command may go through later."""
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class RunbookError(Exception):
    """Base of every error the runbook raises on purpose; catch this around any public call.

    Args:
        what: One sentence: what went wrong, naming the thing.
        why: The evidence or the cause, as far as it is known.
        remedy: What the reader should do next.
    """

    id: ClassVar[str] = "runbook-error"
    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

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
    exit_code = ExitCode.USAGE


class SettingsError(UsageError):
    """A parameter, a `RUNBOOK_*` variable or a `runbook.toml` entry is unknown or has a wrong value."""

    id = "settings"


class RecordError(UsageError):
    """A run folder or a record in it is missing, unreadable or of another schema version."""

    id = "record"


class LateConfigurationError(RunbookError):
    """`huggingface_hub` was imported before the variables it reads at import were set (quirk Q13)."""

    id = "late-configuration"


_EXACT_BELOW_S = 10.0


def _shown(limit_s: float) -> str:
    """Write a limit as a person would have set it; what is left of one has four decimal places."""
    return str(round(limit_s)) if limit_s >= _EXACT_BELOW_S else f"{round(limit_s, 2):g}"


class DeadlineExceeded(RunbookError):
    """A step was stopped at its wall-clock limit."""

    id = "deadline"

    def __init__(self, step: str, limit_s: float, *, why: str = "", remedy: str = "") -> None:
        super().__init__(f"{step} was stopped after {_shown(limit_s)} s.", why=why, remedy=remedy)
        self.step = step
        self.limit_s = limit_s


class HubError(RunbookError):
    """The Hub refused, lacks what was asked for, or answered with something else than the Hub's protocol."""

    id = "hub"


class HubUnavailable(HubError):
    """The Hub does not answer now, or asks to come back later."""

    id = "hub-unavailable"
    exit_code = ExitCode.TRY_LATER


class DiskError(RunbookError):
    """The file system refused: no space, no write access."""

    id = "disk"
    exit_code = ExitCode.DISK


class LockHeld(DiskError):
    """Another process holds the lock of what this one wants to work on, and did not end in time."""

    id = "lock-held"
    exit_code = ExitCode.TRY_LATER


class RunBusy(LockHeld):
    """Another process works in the run folder."""

    id = "run-busy"


class PracticeError(RunbookError):
    """The built-in practice hub or its models cannot be made ready."""

    id = "practice"


class BundleError(RunbookError):
    """A bundle cannot be made as asked, or is refused as it came; nothing of it was written."""

    id = "bundle"


class RegistryUnavailable(BundleError):
    """The registry that holds a bundle does not answer now; what has come from it is kept."""

    id = "registry-unavailable"
    exit_code = ExitCode.TRY_LATER


class FleetError(RunbookError):
    """A cluster cannot be used: certificates that do not fit, another program at its port, a host that does not do."""

    id = "fleet"


class SchedulerUnavailable(FleetError):
    """The scheduler does not answer now."""

    id = "scheduler-unavailable"
    exit_code = ExitCode.TRY_LATER


class StageFailed(RunbookError):
    """A stage ended with failed checks; the message names the first one and what fixes it."""

    id = "stage-failed"


def exit_code_of(class_name: str) -> ExitCode:
    """Return the exit code of an error that is known by its class's name alone, as a notebook's output names it."""
    todo: list[type[RunbookError]] = [RunbookError]
    while todo:
        error = todo.pop()
        if error.__name__ == class_name:
            return error.exit_code
        todo.extend(error.__subclasses__())
    return ExitCode.FAILED
