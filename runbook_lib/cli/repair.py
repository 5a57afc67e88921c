"""`runbook repair`: what verify finds is fixed."""

from collections.abc import Sequence
from pathlib import Path

import click

from runbook_lib.cli.options import dry_run_option, json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_result
from runbook_lib.cli.state import places_alone
from runbook_lib.cli.verify import locked_by
from runbook_lib.cli.where import say_where
from runbook_lib.run.lock_file import read_lock, require_same_kind
from runbook_lib.run.opening import open_target
from runbook_lib.terminal.watch import watching
from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.plan import plan_repair


@click.command()
@setting_options
@click.option(
    "--run-dir", default="", metavar="DIR", help="Run to repair; default: a new one with the current settings."
)
@click.option("--lock", default="", metavar="FILE", help="Repair to match this lock file.")
@dry_run_option
@json_option
def repair(
    pairs: Sequence[tuple[str, str]], practice: bool, run_dir: str, lock: str, dry_run: bool, as_json: bool
) -> int:
    """Move damaged files aside, fetch only those again, and verify.

    Nothing is deleted: damaged files end up in .runbook-quarantine in the cache. Exit code 3 when
    something is still damaged, 1 when nothing could be done about it.
    """
    if lock and not run_dir:  # before a run begins: what cannot be used leaves no run folder
        require_same_kind(places_alone(pairs, practice=practice), read_lock(Path(lock)), Path(lock))
    run = open_target(parameters_from(pairs, practice=practice, run_dir=run_dir), recorded=not dry_run)
    say_where(run)
    locked = locked_by(run, Path(lock)) if lock else None
    with watching("reading every file"):
        plan = plan_repair(run, locked)
    if dry_run:
        print_result(plan, as_json=as_json)
        return 0
    with watching("mending"):
        result = apply_repair(run, plan, locked)
    print_result(result, as_json=as_json)
    return result.exit_code
