"""Commands as a reader can paste them: quoted for the shell they are read in."""

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_PLAIN_POWERSHELL: Final = re.compile(r"[A-Za-z0-9_./:\\=+~-]+")
_PLAIN_CMD: Final = re.compile(r"[A-Za-z0-9_./:\\+~@-]+")
_POWERSHELL_QUOTES: Final = re.compile("(['\u2018\u2019\u201a\u201b])")
"""PowerShell ends a string at the typographic ones, too (tokenizer, IsSingleQuote)."""


class Shell(StrEnum):
    """A shell by the name its users know."""

    SH = "sh"
    POWERSHELL = "PowerShell"
    CMD = "cmd"


def shells_here() -> tuple[Shell, ...]:
    """Return the shells that somebody on this machine may sit in front of, the likeliest first."""
    return (Shell.POWERSHELL, Shell.CMD) if os.name == "nt" else (Shell.SH,)


@dataclass(frozen=True)
class Command:
    """A command by its words, with variables that hold for it."""

    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()

    def text(self, shell: Shell) -> str:
        """Return one line for a shell; cmd expands `%NAME%` in it all the same, for which it knows no escape."""
        command = " ".join(quoted(word, shell) for word in self.words)
        return " ".join((*(_assignment(name, value, shell) for name, value in self.variables), command))

    def texts(self, shells: Sequence[Shell]) -> tuple[tuple[str, str], ...]:
        """Return the line for each shell with its name; without one where a line serves them all."""
        lines = {shell: self.text(shell) for shell in shells}
        if len(set(lines.values())) == 1:
            return (("", next(iter(lines.values()))),)
        return tuple((shell.value, line) for shell, line in lines.items())


def quoted(word: str, shell: Shell) -> str:
    """Return a word so that the shell hands it on as it is."""
    if shell is Shell.SH:
        return shlex.quote(word)
    if shell is Shell.POWERSHELL:
        return word if _PLAIN_POWERSHELL.fullmatch(word) else powershell_quoted(word)
    if _PLAIN_CMD.fullmatch(word):
        return word
    inner = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)$", r"\1\1", inner) + '"'


def powershell_quoted(value: str) -> str:
    """Return a string of PowerShell in which nothing but its quotes had to be doubled."""
    return "'" + _POWERSHELL_QUOTES.sub(r"\1\1", value) + "'"


def _assignment(name: str, value: str, shell: Shell) -> str:
    if shell is Shell.SH:
        return f"{name}={shlex.quote(value)}"
    if shell is Shell.POWERSHELL:
        return f"$env:{name} = {powershell_quoted(value)};"
    return f'set "{name}={value}" &&'
