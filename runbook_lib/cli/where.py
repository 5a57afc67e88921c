"""What every command says before it begins: which run, hub, cache and artifacts folder it works on."""

import click

from runbook_lib.run.opening import NO_FOLDER, PreparedRun
from runbook_lib.run.target import Target, described


def say_where(target: Target) -> None:
    """Write one line to stderr; practice says so first."""
    folder = target.folder if isinstance(target, PreparedRun) else NO_FOLDER
    click.echo(described(target, "" if folder == NO_FOLDER else str(folder)), err=True)
