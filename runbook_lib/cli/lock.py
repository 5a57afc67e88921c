"""`runbook lock`: pin commits and contents, and hold a machine against them."""

from collections.abc import Sequence
from pathlib import Path

import click

from runbook_lib.cli.options import json_option, parameters_from, setting_options
from runbook_lib.run.check import Status, worst
from runbook_lib.run.opening import open_run
from runbook_lib.stages.verify.checks import judge_verification
from runbook_lib.stages.verify.collect import collect_verification
from runbook_lib.upkeep.lock import LOCK_NAME, read_lock, write_lock


@click.command()
@setting_options
@click.option("--run-dir", default="", metavar="DIR", help="Run to continue; default: the newest, or a new one.")
@click.option("--check", is_flag=True, help="Verify this machine against FILE, offline, and write nothing.")
@click.argument("file", default=LOCK_NAME, metavar="[FILE]")
@json_option
def lock(pairs: Sequence[tuple[str, str]], practice: bool, run_dir: str, check: bool, file: str, as_json: bool) -> int:
    """Write the lock file of the models that stand here, or verify this machine against it.

    The models are verified first: what is damaged is never locked. docs/lock-file.md describes the format.
    """
    run = open_run(**parameters_from(pairs, practice=practice, run_dir=run_dir))  # type: ignore[arg-type]
    if not check:
        written = write_lock(run, Path(file))
        click.echo(
            written.model_dump_json(indent=2) if as_json else f"{file}: {len(written.repositories)} repositories"
        )
        return 0
    facts = collect_verification(run, read_lock(Path(file)).expectations())
    click.echo(facts.model_dump_json(indent=2) if as_json else str(facts))
    return 1 if worst(one.status for one in judge_verification(facts)) is Status.FAIL else 0
