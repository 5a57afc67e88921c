"""What every command says before it begins: which run, hub, cache and artifacts folder it works on."""

import sys

import click

from runbook_lib.run.opening import NO_FOLDER, PreparedRun
from runbook_lib.run.target import Target, described
from runbook_lib.terminal.screen import is_terminal


def say_where(target: Target) -> None:
    """Write to stderr what is worked on; practice says so first."""
    folder = target.folder if isinstance(target, PreparedRun) else NO_FOLDER
    say_places(described(target, "" if folder == NO_FOLDER else str(folder)))


def say_places(words: str) -> None:
    """Write the places in one line, and on a terminal, which would cut it somewhere, in a line each."""
    click.echo(words.replace("; ", "\n") if is_terminal(sys.stderr) else words, err=True)
