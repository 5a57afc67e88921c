"""`runbook clean`: what the runbook made for itself goes."""

from collections.abc import Sequence

import click

from runbook_lib.cli.options import json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_result
from runbook_lib.cli.where import say_where
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.target import resolve_target
from runbook_lib.terminal.watch import watching
from runbook_lib.upkeep.clean import KINDS, apply_cleaning, plan_cleaning


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS), metavar="[KIND...]")
@setting_options
@click.option("--yes", is_flag=True, help="Remove it; without this the plan is shown and nothing is touched.")
@json_option
def clean(kinds: Sequence[str], pairs: Sequence[tuple[str, str]], practice: bool, yes: bool, as_json: bool) -> int:
    """Show what the runbook created for itself and how much removing it would free; with --yes, remove it.

    KIND is practice (the practice models), drills, quarantine (the damaged files that repair moved aside, in the cache
    and the artifacts folder) or kernel (the Jupyter kernel of this environment); without KIND all of them. Anything
    that a run in progress uses stays. Use runbook delete for models and runbook prune-runs for run folders. Exit code 3
    when something could not be removed.
    """
    target = resolve_target(resolve_settings(parameters_from(pairs, practice=practice), explicit=True).values)
    say_where(target)
    with watching("looking"):
        cleaning = plan_cleaning(target, kinds or KINDS)
    if yes:
        with watching("removing"):
            cleaning = apply_cleaning(cleaning)
    print_result(cleaning, as_json=as_json)
    return cleaning.exit_code
