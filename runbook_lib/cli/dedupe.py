"""`runbook dedupe`: equal files of a cache become one, by hard links."""

from collections.abc import Sequence

import click

from runbook_lib.cli.options import dry_run_option, json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_result
from runbook_lib.cli.where import say_where
from runbook_lib.errors import ExitCode
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.target import resolve_target
from runbook_lib.terminal.watch import watching
from runbook_lib.upkeep.dedupe.apply import apply_dedupe
from runbook_lib.upkeep.dedupe.plan import plan_dedupe


@click.command()
@setting_options
@dry_run_option
@json_option
def dedupe(pairs: Sequence[tuple[str, str]], practice: bool, dry_run: bool, as_json: bool) -> int:
    """Store every content of the cache and the artifacts folder only once, using hard links; no privilege is needed.

    Removes blobs that nothing refers to any more. Files in use are left alone and listed, with exit code 3.
    """
    target = resolve_target(resolve_settings(parameters_from(pairs, practice=practice), explicit=True).values)
    say_where(target)
    with watching("comparing contents"):
        plan = plan_dedupe(target.cache_dir, target.artifacts_dir)
    if dry_run:
        print_result(plan, as_json=as_json)
        return ExitCode.OK
    with watching("linking") as watch:
        result = apply_dedupe(plan, say=watch.print)
    print_result(result, as_json=as_json)
    return result.exit_code
