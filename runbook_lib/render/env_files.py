"""Variables as files that a POSIX shell, PowerShell and `.env` readers take; values survive as they are."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from runbook_lib.render.shells import powershell_quoted

_HEADING = "# Written by the Docling model runbook; applies before the first import of huggingface_hub."
_PRACTICE = "# Practice: these lead to random weights. Not for a service."
_DOTENV_PLAIN = re.compile(r"[^\s'\"#$`](?:[^\r\n#$`]*[^\s#$`])?")
_BYTE_ORDER_MARK = "\ufeff"


class Offer(NamedTuple):
    """A variable that a service may set if it likes: a comment in the file."""

    name: str
    value: str
    note: str


Offers = Sequence[Offer]


def to_shell(variables: Mapping[str, str], *, practice: bool = False, offers: Offers = ()) -> str:
    """Return lines for `. env.sh`."""
    return _file(lambda name, value: f"export {name}={shlex.quote(value)}", variables, offers, practice)


def to_powershell(variables: Mapping[str, str], *, practice: bool = False, offers: Offers = ()) -> str:
    """Return lines to dot-source in PowerShell; single quotes keep everything but themselves.

    Begins with a byte order mark, without which Windows PowerShell 5.1 reads a file as ANSI.
    """

    def line(name: str, value: str) -> str:
        return f"$env:{name} = {powershell_quoted(value)}"

    return _BYTE_ORDER_MARK + _file(line, variables, offers, practice)


def to_dotenv(variables: Mapping[str, str], *, practice: bool = False, offers: Offers = ()) -> str:
    """Return lines for docker's `--env-file` and python-dotenv.

    Docker keeps quotes as part of the value, so that a value is quoted only when it could not stand without.
    `${NAME}` inside a value is expanded by python-dotenv all the same: its format has no escape for it.
    """
    return _file(lambda name, value: f"{name}={_dotenv_value(value)}", variables, offers, practice)


def _dotenv_value(value: str) -> str:
    if _DOTENV_PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _file(line: Callable[[str, str], str], variables: Mapping[str, str], offers: Offers, practice: bool) -> str:
    heading = (_HEADING, *((_PRACTICE,) if practice else ()))
    set_ = (line(name, value) for name, value in variables.items())
    return "\n".join((*heading, *set_, *_offered(line, offers))) + "\n"


def _offered(line: Callable[[str, str], str], offers: Offers) -> Iterator[str]:
    for offer in offers:
        yield f"# {offer.note}"
        yield f"# {line(offer.name, offer.value)}"
