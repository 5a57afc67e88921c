"""`runbook support-bundle`: one file to attach when asking for help."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from runbook_lib.cli.options import json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_result
from runbook_lib.errors import ExitCode
from runbook_lib.run.folder import Run, runs_below
from runbook_lib.run.opening import RUNS, require_run
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.terminal.watch import watching
from runbook_lib.upkeep.support_bundle import write_support_bundle


@click.command("support-bundle")
@setting_options
@click.option("--run-dir", default="", metavar="DIR", help="Run to include; default: the newest under runs/.")
@click.option("--out", default="", metavar="FILE", help="File to write; default: support-NAME.zip here.")
@json_option
def support_bundle(pairs: Sequence[tuple[str, str]], practice: bool, run_dir: str, out: str, as_json: bool) -> int:
    """Write one zip to attach when asking for help: records, report, log, what the doctor sees now, versions.

    Secrets are masked, and it holds no text or picture of a document. Nothing is sent anywhere.
    """
    settings = resolve_settings(parameters_from(pairs, practice=practice), explicit=True).values
    if run_dir:
        require_run(Path(run_dir))
    run = Run(Path(run_dir).absolute()) if run_dir else next(runs_below(RUNS.absolute()), None)
    with watching("collecting"):
        written = write_support_bundle(run, settings, Path(out or _file_name(run)))
    print_result(written, as_json=as_json)
    return ExitCode.OK


def _file_name(run: Run | None) -> str:
    name = run.folder.name if run else f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return f"support-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)[:80]}.zip"
