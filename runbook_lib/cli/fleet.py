"""`runbook fleet`: many hosts."""

import click

from runbook_lib.cli.fleet_report import report
from runbook_lib.cli.lazy import verbose_option


@click.group()
@verbose_option
def fleet() -> None:
    """Many hosts at once."""


fleet.add_command(report)
