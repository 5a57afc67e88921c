"""`runbook diagnose` and `runbook quirks`: name a failure, read what is known of it."""

import io
import sys
from collections.abc import Iterable, Sequence

import click

from runbook_lib.cli.options import NameType, json_option
from runbook_lib.cli.result import print_result
from runbook_lib.errors import UsageError
from runbook_lib.history.left import left_by, newest_run
from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.quirks.diagnosis import diagnose as diagnose_log
from runbook_lib.quirks.diagnosis import diagnose_given
from runbook_lib.quirks.model import Quirk
from runbook_lib.render.rendered import Shown
from runbook_lib.render.sections import Table
from runbook_lib.render.values import fix_cell
from runbook_lib.run.opening import RUNS
from runbook_lib.terminal.screen import is_terminal, show


def _quirk_ids() -> Iterable[str]:
    return (quirk.id for quirk in load_catalogue())


@click.command()
@click.argument("file", default="", metavar="[FILE|-]")
@click.option("--last", is_flag=True, help="Read what the newest run under runs/ left: errors, failed checks, its log.")
@json_option
def diagnose(file: str, last: bool, as_json: bool) -> int:
    """Name the failures in a log or traceback, their causes, and what to do with the installed versions.

    Reads FILE, or standard input. Exit code 0 when something was recognised, 1 when nothing was.
    """
    if last and file:
        raise UsageError("FILE and --last cannot be combined.", remedy="Give only one of them.")
    if last:
        run = newest_run(RUNS.absolute())
        click.echo(f"read: what the run {run.folder.name} left", err=True)
        diagnosis = diagnose_log(io.BytesIO(left_by(run).encode("utf-8")))
    elif file in ("", "-"):
        if is_terminal(sys.stdin):
            click.echo("Paste a log or traceback, then end it with Ctrl-D (Windows: Ctrl-Z, Enter).", err=True)
        diagnosis = diagnose_log(sys.stdin.buffer)
    else:
        diagnosis = diagnose_given(log=file)
    print_result(diagnosis, as_json=as_json)
    return 0 if diagnosis.findings else 1


@click.command()
@click.argument("words", nargs=-1, type=NameType(_quirk_ids), metavar="[ID|WORD...]")
@click.option(
    "--since", default="", metavar="VERSION", help="Only those added in this version of the runbook or a later one."
)
@json_option
def quirks(words: Sequence[str], since: str, as_json: bool) -> None:
    """List the known failures, show everything known about one, or find those that mention all WORDs.

    runbook quirks quirk-001; runbook quirks proxy certificate.
    """
    catalogue = load_catalogue()
    if words and since:
        raise UsageError("ID and --since cannot be combined.", remedy="Name a quirk, or list the new ones.")
    found = _speaking_of(words, catalogue.quirks) if words else catalogue.since(since) if since else catalogue.quirks
    if len(words) == 1 and (not found or _is_name(words[0], catalogue)):
        quirk = catalogue.quirk(words[0])
        if as_json:
            click.echo(quirk.model_dump_json(indent=2))
        else:
            show(Shown((_everything(quirk),)))
        return
    if not found:
        raise UsageError(f"No known failure mentions {' '.join(words)!r}.", remedy="runbook quirks lists them all.")
    if as_json:
        click.echo("[" + ",\n".join(quirk.model_dump_json() for quirk in found) + "]")
        return
    rows = tuple((quirk.id, quirk.severity.value, quirk.title) for quirk in found)
    of = f" that speak of {' '.join(words)}" if words else f", new since {since}" if since else ""
    show(Shown((Table(f"Known failures{of}", ("id", "severity", "title"), rows),)))


def _is_name(word: str, quirks: Iterable[Quirk]) -> bool:
    return any(word.casefold() == name.casefold() for quirk in quirks for name in quirk.names)


def _speaking_of(words: Sequence[str], quirks: Iterable[Quirk]) -> tuple[Quirk, ...]:
    """Return the quirks whose texts hold every word, wherever and in whatever case."""
    wanted = [word.casefold() for word in words]
    return tuple(quirk for quirk in quirks if all(word in quirk.model_dump_json().casefold() for word in wanted))


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
        ("elsewhere", f"{quirk.elsewhere.cause} {quirk.elsewhere.remedy}" if quirk.elsewhere else ""),
        ("probe", quirk.probe),
        ("fixed by", fix_cell(quirk.fixed_by)),
        ("evidence", quirk.evidence_words),
        ("unproven", " ".join(quirk.hypotheses)),
        ("known since", quirk.since),
        ("see", " ".join(quirk.references)),
    )
    return Table(f"{quirk.id}: {quirk.title}", ("", "what is known"), tuple(row for row in rows if row[1]))
