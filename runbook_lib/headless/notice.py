"""Telling somebody how a run ended: a command, or a POST. What goes wrong with that is said, and nothing more."""

import logging
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from runbook_lib.errors import UsageError
from runbook_lib.headless.notice_shapes import SHAPES, Message
from runbook_lib.workers.process_tree import end_tree

_log = logging.getLogger(__name__)

NOTICE_LIMIT_S: Final = 20.0
TOKEN_VARIABLE: Final = "RUNBOOK_NOTICE_TOKEN"  # noqa: S105 - a name
"""Variable with the bearer token for a POST in the generic shape."""
_BY_VARIABLE: Final = "env:"
_SECRET_PATHS: Final = (
    "hooks.slack.com",
    "webhook.office.com",
    "logic.azure.com",
    "powerplatform.com",
    "hc-ping.com",
    "discord.com",
)
"""Hosts whose addresses are secrets from end to end: who knows one may write to the channel."""


class When(StrEnum):
    """Which runs are told of."""

    FAILURE = "failure"
    CHANGE = "change"
    ALWAYS = "always"


@dataclass(frozen=True)
class Notice:
    """Whom to tell, and when; made before the run begins, so that a typing error does not come out in the morning."""

    when: When
    command: tuple[str, ...] = ()
    address: str = ""
    """May be a secret; is never shown, logged or stored."""
    shape: str = "json"

    @property
    def name(self) -> str:
        """Whom, in words that hold no secret."""
        return self.command[0] if self.command else urlsplit(self.address).hostname or "the address"


def parse_notice(when: When, text: str, environ: Mapping[str, str]) -> Notice:
    """Read `COMMAND`, `URL`, `env:NAME`, or one of the two with a shape before it: `slack:env:NAME`.

    Raises `UsageError` for a command that is not there, a variable that is not set, and an address that is a secret:
    an option stands in the list of processes, in the scheduler's file and in this run's record.
    """
    shape, rest = _shape_of(text)
    if rest.startswith(_BY_VARIABLE):
        name = rest.removeprefix(_BY_VARIABLE)
        address = environ.get(name, "").strip()
        if not _is_address(address):
            raise UsageError(
                f"The variable {name} holds no address to notify.",
                why=f"It is named by --{_option(when)}.",
                remedy=f"Set {name} to a URL that starts with https:// or http:// before the run.",
            )
        return Notice(when, address=address, shape=shape or _shape_by_host(address))
    if _is_address(rest):
        _require_no_secret(rest, when)
        return Notice(when, address=rest, shape=shape or _shape_by_host(rest))
    if shape:
        raise UsageError(f"--{_option(when)} names no address after {shape!r}.", remedy=f"Such as {shape}:env:NAME.")
    return Notice(when, command=_command(rest, when))


def send(notice: Notice, message: Message, limit_s: float = NOTICE_LIMIT_S) -> str:
    """Tell, within the limit; returns what went wrong, in words without secrets, and empty when nothing did."""
    call: Callable[[], str] = (
        (lambda: _run(notice, message, limit_s)) if notice.command else (lambda: _post(notice, message, limit_s))
    )
    said: list[str] = []

    def work() -> None:
        try:
            said.append(call())
        except Exception as error:  # noqa: BLE001 - no run fails of a notice; the class alone, for the words may hold the address
            said.append(type(error).__name__)

    thread = threading.Thread(target=work, daemon=True, name="notice")
    thread.start()
    thread.join(limit_s + 1.0)
    problem = said[0] if said else f"no end within {limit_s:g} s"
    _log.info("notice to %s: %s", notice.name, problem or "sent")
    return problem


def _run(notice: Notice, message: Message, limit_s: float) -> str:
    """Give the summary to the command's stdin; it and all it started end at the limit."""
    with tempfile.TemporaryFile() as summary:  # a pipe would have to be read before it can be let go
        summary.write(message.text.encode(errors="replace"))
        summary.seek(0)
        process = subprocess.Popen(
            notice.command,
            stdin=summary,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **message.variables()},
        )
        try:
            process.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            end_tree(process.pid)
            process.wait()
            return f"no end within {limit_s:g} s"
    return f"exit code {process.returncode}" if process.returncode else ""


def _post(notice: Notice, message: Message, limit_s: float) -> str:
    import httpx

    posted = SHAPES[notice.shape](notice.address, message)
    token = os.environ.get(TOKEN_VARIABLE, "") if notice.shape == "json" else ""
    headers: dict[str, str] = {"Authorization": f"Bearer {token}"} if token else {}
    content: dict[str, Any] = {"json": posted.json} if posted.json is not None else {"content": posted.text.encode()}
    answer = httpx.post(posted.address, headers=headers, timeout=limit_s / 2, follow_redirects=False, **content)
    return "" if answer.is_success else f"status {answer.status_code}"


def _shape_of(text: str) -> tuple[str, str]:
    first, colon, rest = text.strip().partition(":")
    return (first, rest.strip()) if colon and first in SHAPES else ("", text.strip())


def _shape_by_host(address: str) -> str:
    host = urlsplit(address).hostname or ""
    if host == "hooks.slack.com":
        return "slack"
    if host.endswith((".webhook.office.com", ".logic.azure.com", ".powerplatform.com")):
        return "teams"
    return "healthchecks" if host == "hc-ping.com" else "json"


def _is_address(text: str) -> bool:
    return text.startswith(("https://", "http://")) and bool(urlsplit(text).hostname)


def _require_no_secret(address: str, when: When) -> None:
    parts = urlsplit(address)
    host = parts.hostname or ""
    known = any(host == name or host.endswith(f".{name}") for name in _SECRET_PATHS)
    if known or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            f"The address on {host} for --{_option(when)} may carry a secret.",
            why="Options are visible in the list of processes and in the scheduler's file.",
            remedy=f"Put it into a variable and name that: --{_option(when)} env:NAME.",
        )


def _command(text: str, when: When) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text, posix=os.name != "nt"))
    except ValueError as error:
        raise UsageError(f"The command for --{_option(when)} cannot be read: {error}.") from error
    if not words or shutil.which(words[0]) is None:
        raise UsageError(
            f"There is no command {words[0] if words else ''!r} for --{_option(when)}.",
            remedy="Give a program on PATH with its arguments, a URL, or env:NAME.",
        )
    return words


def _option(when: When) -> str:
    return when.value if when is When.ALWAYS else f"on-{when.value}"
