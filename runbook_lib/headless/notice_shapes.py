"""What is told of a run, in the shapes that services take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

_LONGEST_CHAT: Final = 3000
"""Slack and Teams cut longer texts, or refuse them."""
_LONGEST_LOG: Final = 10_000
"""What healthchecks.io keeps of a body."""


@dataclass(frozen=True)
class Message:
    """How a run ended; free of secrets, because the records are."""

    run: str
    host: str
    folder: str
    status: str
    exit_code: int
    verdict: str
    text: str
    """The summary as plain text, the verdict first."""
    changed: tuple[str, ...] = ()
    """What changed since the last run that worked, a line each; empty for one that works."""

    @property
    def title(self) -> str:
        """One line for a subject."""
        return f"Docling runbook on {self.host}: {self.verdict}"

    def document(self) -> dict[str, Any]:
        """Return the message as JSON."""
        return {
            "schema_version": 1,
            "run": self.run,
            "host": self.host,
            "folder": self.folder,
            "status": self.status,
            "exit_code": self.exit_code,
            "verdict": self.verdict,
            "changed_since_last_good": list(self.changed),
            "text": self.text,
        }

    def variables(self) -> dict[str, str]:
        """Return the message as variables, for a command that reads no stdin."""
        fields = {"title": self.title, "status": self.status, "exit_code": str(self.exit_code), "folder": self.folder}
        return {f"NOTICE_{name.upper()}": value for name, value in fields.items()}


@dataclass(frozen=True)
class Posted:
    """What is sent where."""

    address: str
    json: dict[str, Any] | None = None
    text: str = ""


def _json(address: str, message: Message) -> Posted:
    return Posted(address, message.document())


def _slack(address: str, message: Message) -> Posted:
    lines = "\n".join((message.title, *message.changed, message.folder))
    escaped = lines.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")  # Slack reads links in <>
    return Posted(address, {"text": escaped[:_LONGEST_CHAT]})


def _teams(address: str, message: Message) -> Posted:
    blocks = [
        {"type": "TextBlock", "text": line[:_LONGEST_CHAT], "wrap": True}
        for line in (message.title, *message.changed, message.folder)
    ]
    card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return Posted(address, {"type": "message", "attachments": [attachment]})


def _healthchecks(address: str, message: Message) -> Posted:
    """Return a ping: the exit code is the last part of the path, 0 for success."""
    return Posted(f"{address.rstrip('/')}/{message.exit_code}", text=message.text[:_LONGEST_LOG])


SHAPES: Final[dict[str, Callable[[str, Message], Posted]]] = {
    "json": _json,
    "slack": _slack,
    "teams": _teams,
    "healthchecks": _healthchecks,
}
