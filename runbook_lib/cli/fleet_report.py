"""`runbook fleet report`: what the records of many hosts say together."""

from collections.abc import Sequence
from pathlib import Path

import click

from runbook_lib.cli.options import json_option
from runbook_lib.cli.result import print_result
from runbook_lib.errors import ExitCode
from runbook_lib.fleet.report.ask import parse_upgrade, report_of
from runbook_lib.fleet.report.page import write_page
from runbook_lib.fleet.report.store import opened_store, save
from runbook_lib.terminal.watch import watching

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("records", nargs=-1, required=True, metavar="RECORDS...")
@click.option(
    "--what-if",
    "upgrades",
    multiple=True,
    metavar="PACKAGE=VERSION",
    help="Show what this upgrade would change; repeatable.",
)
@click.option(
    "--since", multiple=True, metavar="RECORDS", help="Compare with these instead of each host's previous record."
)
@click.option("--html", type=_FILE, metavar="FILE", help="Write a page with tables to sort and filter.")
@click.option(
    "--save", "saved", type=_FILE, metavar="FILE.parquet", help="Keep the records as one table, for next time."
)
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=5_000,
    show_default=True,
    help="How many hosts are listed one by one.",
)
@json_option
def report(
    records: Sequence[str],
    upgrades: Sequence[str],
    since: Sequence[str],
    html: Path | None,
    saved: Path | None,
    rows: int,
    as_json: bool,
) -> int:
    """Sum up RECORDS: how the runs ended, which versions are exposed to which known failures, and disk use.

    RECORDS are folders as runbook fleet run writes them, folders of run folders, .parquet files, and addresses such as
    s3://bucket/records. A record that cannot be read becomes a row with the reason.
    """
    asked = [parse_upgrade(text) for text in upgrades]
    with opened_store() as store:
        with watching("reading the records"):
            found = report_of(store, records, since=since, upgrades=asked, most_rows=rows)
        if saved:
            save(store, "record", saved)
    if html:
        write_page(found, html)
        click.echo(f"page: {html}", err=True)
    print_result(found, as_json=as_json)
    return ExitCode.OK
