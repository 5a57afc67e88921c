"""`runbook --version`, and with `-v` whether the installed program has all of its parts."""

import click

from runbook_lib.cli.lazy import verbosity_of
from runbook_lib.errors import ExitCode


def say_version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    """Print the version and end; with -v the counts too, and exit code 1 where fewer are found than there must be."""
    if not asked or ctx.resilient_parsing:
        return
    click.echo(f"runbook, version {_version()}")
    ctx.exit(_say_parts() if verbosity_of(ctx) else ExitCode.OK)


def _version() -> str:
    from importlib import metadata  # of no use to who asks for a command

    try:
        return metadata.version("docling-runbook")
    except metadata.PackageNotFoundError:
        return "of a source tree that is not installed"


def _say_parts() -> int:
    from runbook_lib.checks.probes.program import EXPECTED, counted  # brings every probe, quirk and rule

    found = counted()
    for kind, number in EXPECTED.items():
        click.echo(f"{kind}: {found.get(kind, 0)} found, {number} belong to this release")
    if all(found.get(kind, 0) >= number for kind, number in EXPECTED.items()):
        return ExitCode.OK
    click.echo("Install docling-runbook again: files of the package are missing.", err=True)
    return ExitCode.FAILED
