"""`runbook history`, `show`, `diff` and `prune-runs`: what earlier runs were."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from runbook_lib.cli.lazy import CommandT
from runbook_lib.cli.options import DurationType, dry_run_option, json_option
from runbook_lib.cli.result import print_result, print_shown
from runbook_lib.core.keep_rules import KeepRules
from runbook_lib.errors import ExitCode, UsageError
from runbook_lib.history.compare import compare
from runbook_lib.history.index import read_history
from runbook_lib.history.listing import RunList, Selection, ShownRun
from runbook_lib.history.naming import LAST, last_good, moment_named, run_named
from runbook_lib.history.prune import prune_runs as prune
from runbook_lib.run.opening import RUNS
from runbook_lib.run.setting_sources import resolve_settings


def runs_option(command: CommandT) -> CommandT:
    """Add `--runs DIR`: the folder whose history is meant."""
    return click.option(
        "--runs",
        type=click.Path(path_type=Path),
        default=RUNS,
        metavar="DIR",
        help="The folder that holds the run folders and history.jsonl; default: runs.",
    )(command)


@click.command()
@runs_option
@click.option("--failed", is_flag=True, help="Only runs that did not succeed.")
@click.option("--since", metavar="WHEN", help="Only runs that began since: 3d, 12h, 2w, or a date.")
@click.option("--limit", type=click.IntRange(min=1), default=30, show_default=True, help="Show at most this many runs.")
@click.option(
    "--within",
    metavar="HOURS",
    type=DurationType(),
    help="Exit 1 if there was no run in the last HOURS.",
)
@json_option
def history(runs: Path, failed: bool, since: str | None, limit: int, within: float | None, as_json: bool) -> int:
    """List the runs, the newest first, and say where some are missing.

    Combines the run folders with history.jsonl, which remembers runs whose folders are gone.
    """
    now = datetime.now(UTC)
    chosen = Selection(failed, moment_named(since, now) if since else None, limit=limit)
    listed = RunList(read_history(runs.absolute()), chosen, now)
    if as_json:
        click.echo(json.dumps(listed.document(), indent=2))
    else:
        print_shown(listed)
    age_h = listed.age_h()
    return ExitCode.FAILED if within is not None and (age_h is None or age_h > within) else ExitCode.OK


@click.command()
@click.argument("run", default=LAST)
@runs_option
@json_option
def show(run: str, runs: Path, as_json: bool) -> int:
    """Show one run: how it ended, its stages, versions, variables, revisions and sizes.

    RUN is a name or its beginning, a folder, last (the default) or last-good.
    """
    shown = ShownRun(run_named(read_history(runs.absolute()), run))
    if as_json:
        click.echo(shown.run.model_dump_json(indent=2))
    else:
        print_shown(shown)
    return ExitCode.OK


@click.command()
@click.argument("names", nargs=-1, metavar="[[BEFORE] AFTER]")
@runs_option
@json_option
def diff(names: tuple[str, ...], runs: Path, as_json: bool) -> int:
    """Show what changed between two runs; without names, since the last run that worked.

    AFTER defaults to the newest run, BEFORE to the last one before it that worked.
    """
    if len(names) > 2:  # noqa: PLR2004 - a before and an after
        raise UsageError("No more than two runs can be compared.", remedy="runbook diff BEFORE AFTER")
    known = read_history(runs.absolute())
    after = run_named(known, names[-1] if names else LAST)
    before = run_named(known, names[0]) if len(names) > 1 else last_good(known, after)
    difference = compare(before, after)
    print_result(difference, as_json=as_json)
    return ExitCode.OK


@click.command("prune-runs")
@runs_option
@click.option(
    "--keep", default="", metavar="RULES", help="Such as 'runs=30, days=14, failed-days=90'; default: the setting keep."
)
@dry_run_option
@json_option
def prune_runs(runs: Path, keep: str, dry_run: bool, as_json: bool) -> int:
    """Remove run folders that no rule keeps, and say for each why it stays or goes.

    A run in progress, the newest run and the newest that worked always stay, and so does every line of the history.
    Failed runs are kept three times as long unless failed-days says otherwise. Exit code 3 when something could not be
    removed.
    """
    pruned = prune(runs.absolute(), _rules(keep), dry_run=dry_run)
    print_result(pruned, as_json=as_json)
    return ExitCode.PARTIAL if pruned.left else ExitCode.OK


def _rules(keep: str) -> KeepRules | None:
    return resolve_settings({"keep": keep} if keep else {}, explicit=True).values.keep_rules
