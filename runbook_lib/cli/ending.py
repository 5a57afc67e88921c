"""How a command ends: every exception becomes one message, one exit code and, with --json, one document."""

import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click

from runbook_lib.core.masking import mask_secrets, mask_url_credentials
from runbook_lib.errors import ExitCode, RunbookError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ending:
    """Why a command did not come to its end."""

    id: str
    what: str
    why: str = ""
    remedy: str = ""
    exit_code: int = ExitCode.FAILED

    def document(self) -> str:
        """Return the envelope that stands on stdout in place of the result; docs/cli.md describes it."""
        return json.dumps({"schema_version": 1, "error": asdict(self)}, indent=2)

    def lines(self) -> list[str]:
        """Return the message for people, a line each: what, why, what to do."""
        parts = (("", self.what), ("why: ", self.why), ("what to do: ", self.remedy))
        return [f"{label}{text}" for label, text in parts if text]


def ending_of(error: BaseException) -> Ending:
    """Return what an exception that left a command means to the one who called it; secrets are starred out."""
    if isinstance(error, RunbookError):
        return Ending(error.id, _masked(error.what), _masked(error.why), _masked(error.remedy), error.exit_code)
    if isinstance(error, click.ClickException):
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "runbook"
        return Ending("usage", _masked(error.format_message()), "", f"See {path} --help.", ExitCode.USAGE)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return Ending("interrupted", "interrupted", exit_code=ExitCode.INTERRUPTED)
    return Ending(
        "internal",
        f"The runbook itself failed: {_masked(f'{type(error).__name__}: {error}')}",
        "This is a fault of the program, not of this machine; what was complete before is kept.",
        "Run it again with -vv for the whole trace, and report it with that.",
        ExitCode.INTERNAL,
    )


def say_ending(error: BaseException, arguments: Sequence[str]) -> int:
    """Tell people on stderr, and whoever asked for JSON on stdout, why the command ended; returns its exit code."""
    ending = ending_of(error)
    _log.info("ended with exit code %d: %s", ending.exit_code, ending.what, exc_info=error)
    if isinstance(error, click.ClickException):
        error.show()
    elif ending.id == "interrupted":
        sys.stderr.write("interrupted\n")
    else:
        sys.stderr.write("error: " + "\n".join(ending.lines()) + "\n")
    if _wants_json(arguments):
        try:
            sys.stdout.write(ending.document() + "\n")
            sys.stdout.flush()
        except OSError:  # nobody reads it, or there is no room for it; it stands on stderr, too
            drop_output()
    return ending.exit_code


def drop_output() -> None:
    """Let what stdout still holds go nowhere; Python would try again at the end, and end with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether --json is among the options, also where they could not be read as a whole."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def _masked(text: str) -> str:
    return mask_url_credentials(mask_secrets(text))
