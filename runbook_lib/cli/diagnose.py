"""`runbook diagnose` and `runbook quirks`: name a failure, read what is known of it."""

import sys
from collections.abc import Iterable

import click

from runbook_lib.cli.options import NameType, json_option
from runbook_lib.errors import UsageError
from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.quirks.diagnosis import diagnose as diagnose_log
from runbook_lib.quirks.diagnosis import diagnose_given
from runbook_lib.quirks.model import Quirk
from runbook_lib.render.rendered import show
from runbook_lib.render.sections import Table
from runbook_lib.render.values import fix_cell


def _quirk_ids() -> Iterable[str]:
    return (quirk.id for quirk in load_catalogue())


@click.command()
@click.argument("file", default="-", metavar="[FILE|-]")
@json_option
def diagnose(file: str, as_json: bool) -> int:
    """Name the failures in a log or traceback, their causes, and what to do with the installed versions.

    Reads FILE, or standard input. Exit code 0 when something was recognised, 1 when nothing was.
    """
    diagnosis = diagnose_log(sys.stdin.buffer) if file == "-" else diagnose_given(log=file)
    click.echo(diagnosis.model_dump_json(indent=2) if as_json else str(diagnosis))
    return 0 if diagnosis.findings else 1


@click.command()
@click.argument("quirk_id", default="", type=NameType(_quirk_ids), metavar="[ID]")
@click.option(
    "--since", default="", metavar="VERSION", help="Only what this version of the runbook or a later one brought."
)
@json_option
def quirks(quirk_id: str, since: str, as_json: bool) -> None:
    """List the known failures, or show all that is known of one: runbook quirks quirk-001."""
    catalogue = load_catalogue()
    if quirk_id and since:
        raise UsageError("ID and --since exclude each other.", remedy="Name a quirk, or list the new ones.")
    if quirk_id:
        quirk = catalogue.quirk(quirk_id)
        click.echo(quirk.model_dump_json(indent=2) if as_json else str(show(_everything(quirk))))
        return
    listed = catalogue.since(since) if since else catalogue.quirks
    if as_json:
        click.echo("[" + ",\n".join(quirk.model_dump_json() for quirk in listed) + "]")
        return
    rows = tuple((quirk.id, quirk.severity.value, quirk.title) for quirk in listed)
    title = f"Known failures, new since {since}" if since else "Known failures"
    click.echo(str(show(Table(title, ("id", "severity", "title"), rows))))


def _everything(quirk: Quirk) -> Table:
    rows = (
        ("number", quirk.number),
        ("severity", quirk.severity.value),
        ("surprise", quirk.surprise or ""),
        ("versions", "; ".join(affected.words for affected in quirk.packages)),
        ("cause", quirk.cause),
        ("or else", quirk.otherwise or ""),
        *(("do", remedy.text) for remedy in quirk.remedies),
        ("not this", quirk.dont),
        ("probe", quirk.probe),
        ("fixed by", fix_cell(quirk.fixed_by)),
        ("evidence", quirk.evidence_words),
        ("unproven", " ".join(quirk.hypotheses)),
        ("known since", quirk.since),
        ("see", " ".join(quirk.references)),
    )
    return Table(f"{quirk.id}: {quirk.title}", ("", "what is known"), tuple(row for row in rows if row[1]))
