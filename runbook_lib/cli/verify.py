"""`runbook verify`: read every file of the models and compare its hash with what the Hub published."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from runbook_lib.checks.practice import failed_for_practice
from runbook_lib.cli.options import json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_shown
from runbook_lib.cli.where import say_where
from runbook_lib.errors import ExitCode
from runbook_lib.run.check import Status
from runbook_lib.run.lock_file import LockFile, read_lock, require_same_kind
from runbook_lib.run.opening import OpenRun, open_target
from runbook_lib.run.record import StageRecord
from runbook_lib.stages.verify.checks import judge_verification
from runbook_lib.stages.verify.collect import collect_verification
from runbook_lib.stages.verify.facts import VerifyFacts
from runbook_lib.stages.verify.locked import expectations_of
from runbook_lib.stages.verify.sources import Locked
from runbook_lib.terminal.watch import watching


@click.command()
@setting_options
@click.option("--run-dir", default="", metavar="DIR", help="Use the settings of this run; default: the current ones.")
@click.option("--lock", default="", metavar="FILE", help="Compare with this lock file, whatever the cache says.")
@json_option
def verify(pairs: Sequence[tuple[str, str]], practice: bool, run_dir: str, lock: str, as_json: bool) -> int:
    """Read every file of the models and compare its hash with what the Hub published; offline, on all cores.

    Changes nothing and writes no record. Exit code 1 when a file is missing or damaged.
    """
    run = open_target(parameters_from(pairs, practice=practice, run_dir=run_dir))
    say_where(run)
    with watching("reading every file"):
        record = verified(run, locked_by(run, Path(lock)) if lock else None)
    if as_json:
        click.echo(record.model_dump_json(indent=2))
    else:
        print_verified(record)
    return ExitCode.FAILED if record.status is Status.FAIL else ExitCode.OK


def print_verified(record: StageRecord[VerifyFacts]) -> None:
    """Print what was read and what it comes to."""
    print_shown(record.facts)
    click.echo()
    print_shown(record)


def lock_of(run: OpenRun, file: Path) -> LockFile:
    """Read a lock file; raises `RecordError` for one of practice models where real ones are meant."""
    read = read_lock(file)
    require_same_kind(run, read, file)
    return read


def locked_by(run: OpenRun, file: Path) -> Locked:
    """Return what a lock file says should stand here; raises as `lock_of` does."""
    return expectations_of(lock_of(run, file))


def verified(run: OpenRun, locked: Locked | None = None) -> StageRecord[VerifyFacts]:
    """Return what stage verify would record, and write nothing."""
    started_at = datetime.now(UTC)
    began = time.perf_counter()
    facts = collect_verification(run, locked)
    return StageRecord[VerifyFacts](
        practice=run.practice,
        stage="verify",
        started_at=started_at,
        elapsed_s=round(time.perf_counter() - began, 3),
        inputs=run.settings.model_dump(mode="json", exclude_defaults=True),
        facts=facts,
        checks=(*failed_for_practice(run), *judge_verification(facts)),
    )
