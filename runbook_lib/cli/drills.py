"""`runbook drills`: what can be broken, to be fixed."""

import json

import click

from runbook_lib.cli.options import NameType, json_option
from runbook_lib.practice.drills.catalogue import DRILLS, drill_named
from runbook_lib.practice.drills.drill import Drill
from runbook_lib.render.rendered import Shown
from runbook_lib.render.sections import Table
from runbook_lib.run.settings import DRILL_NAMES
from runbook_lib.terminal.screen import show


@click.command()
@click.argument("name", default="", type=NameType(lambda: DRILL_NAMES), metavar="[NAME]")
@json_option
def drills(name: str, as_json: bool) -> None:
    """List the breakage drills, or show one: runbook drills corrupt.

    Play one with runbook run --practice --drill NAME, and fix it by following its output.
    """
    chosen = (drill_named(name),) if name else DRILLS
    if as_json:
        click.echo(json.dumps([_words(drill) for drill in chosen], indent=2))
    elif name:
        known = tuple((what, words) for what, words in _words(chosen[0]).items() if what not in ("name", "title"))
        show(Shown((Table(f"{name}: {chosen[0].title}", ("", "what is known"), known),)))
    else:
        rows = tuple((drill.name, drill.stage, drill.title) for drill in chosen)
        show(Shown((Table("Breakage drills", ("name", "fails in", "what breaks"), rows),)))


def _words(drill: Drill) -> dict[str, str]:
    return {
        "name": drill.name,
        "title": drill.title,
        "seen": drill.seen,
        "played": drill.played,
        "stage": drill.stage,
        "fixed": drill.fixed,
    }
