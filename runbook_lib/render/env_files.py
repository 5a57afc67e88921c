"""Variables as files that a POSIX shell, PowerShell and `.env` readers take; values survive as they are."""

import re
import shlex
from collections.abc import Iterable, Mapping

_HEADING = "# Written by the Docling model runbook; applies before the first import of huggingface_hub."
_DOTENV_PLAIN = re.compile(r"[^\s'\"#$`](?:[^\r\n'\"#$`]*[^\s'\"#$`])?")


def to_shell(variables: Mapping[str, str]) -> str:
    """Return lines for `. env.sh`."""
    return _file(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def to_powershell(variables: Mapping[str, str]) -> str:
    """Return lines to dot-source in PowerShell; single quotes keep everything but themselves."""
    quoted = {name: value.replace("'", "''") for name, value in variables.items()}
    return _file(f"$env:{name} = '{value}'" for name, value in quoted.items())


def to_dotenv(variables: Mapping[str, str]) -> str:
    """Return lines for docker's `--env-file` and python-dotenv.

    Docker keeps quotes as part of the value, so that a value is quoted only when it could not stand without.
    """
    return _file(
        f"{name}={value}" if _DOTENV_PLAIN.fullmatch(value) else f"{name}='{value}'"
        for name, value in variables.items()
    )


def _file(lines: Iterable[str]) -> str:
    return "\n".join((_HEADING, *lines)) + "\n"
