"""`runbook lock`: pin commits and contents, and hold a machine against them."""

from collections.abc import Sequence
from pathlib import Path

import click

from runbook_lib.cli.options import json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_result
from runbook_lib.cli.verify import lock_of, locked_by, print_verified, verified
from runbook_lib.cli.where import say_where
from runbook_lib.errors import ExitCode, UsageError
from runbook_lib.run.check import Status
from runbook_lib.run.lock_file import LOCK_NAME
from runbook_lib.run.opening import open_target
from runbook_lib.terminal.watch import watching
from runbook_lib.upkeep.lock import lock_drift, write_lock


@click.command()
@setting_options
@click.option("--run-dir", default="", metavar="DIR", help="Use the settings of this run; default: the current ones.")
@click.option("--check", is_flag=True, help="Verify this machine against FILE, offline, and write nothing.")
@click.option("--drift", is_flag=True, help="Ask the Hub how far it has moved on from FILE, and write nothing.")
@click.argument("file", default=LOCK_NAME, metavar="[FILE]")
@json_option
def lock(
    pairs: Sequence[tuple[str, str]],
    practice: bool,
    run_dir: str,
    check: bool,
    drift: bool,
    file: str,
    as_json: bool,
) -> int:
    """Write a lock file for this machine's models, or compare this machine or the Hub with one.

    The models are verified first: damaged files are never locked. docs/lock-file.md describes the format. It is no
    failure when the Hub has moved on: the locked files stay the ones in use.
    """
    if check and drift:
        raise UsageError("--check and --drift cannot be combined.", remedy="Run one after the other.")
    run = open_target(parameters_from(pairs, practice=practice, run_dir=run_dir))
    say_where(run)
    if drift:
        with watching("asking the Hub"):
            moved = lock_drift(run, lock_of(run, Path(file)))
        print_result(moved, as_json=as_json)
        return ExitCode.OK
    if not check:
        with watching("reading every file"):
            written = write_lock(run, Path(file))
        click.echo(
            written.model_dump_json(indent=2)
            if as_json
            else f"{'Practice. ' if written.practice else ''}{file}: {len(written.repositories)} repositories"
        )
        return 0
    with watching("reading every file"):
        record = verified(run, locked_by(run, Path(file)))
    if as_json:
        click.echo(record.facts.model_dump_json(indent=2))
    else:
        print_verified(record)
    return ExitCode.FAILED if record.status is Status.FAIL else ExitCode.OK
