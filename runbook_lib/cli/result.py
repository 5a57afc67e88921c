"""What a command prints at its end: one JSON document, or what people read."""

from typing import Protocol

import click

from runbook_lib.cli.lazy import verbosity_of
from runbook_lib.terminal.screen import Showable, show


class Result(Showable, Protocol):
    """What shows itself and is one JSON document."""

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """Return the document."""


def print_result(result: Result, *, as_json: bool) -> None:
    """Print a result; a terminal shows what needs a hand, and the rest with `-v`."""
    if as_json:
        click.echo(result.model_dump_json(indent=2))
    else:
        print_shown(result)


def print_shown(shown: Showable) -> None:
    """Print for people."""
    context = click.get_current_context(silent=True)
    show(shown, whole=context is None or verbosity_of(context) > 0)
