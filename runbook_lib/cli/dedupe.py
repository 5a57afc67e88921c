"""`runbook dedupe`: equal files of a cache become one, by hard links."""

from collections.abc import Sequence

import click

from runbook_lib.cli.options import dry_run_option, json_option, parameters_from, setting_options
from runbook_lib.cli.where import say_where
from runbook_lib.errors import ExitCode
from runbook_lib.run.settings import resolve_settings
from runbook_lib.run.target import resolve_target
from runbook_lib.upkeep.dedupe.apply import apply_dedupe
from runbook_lib.upkeep.dedupe.plan import plan_dedupe


@click.command()
@setting_options
@dry_run_option
@json_option
def dedupe(pairs: Sequence[tuple[str, str]], practice: bool, dry_run: bool, as_json: bool) -> int:
    """Store every content of the cache and the artifacts folder once, by hard links; no privilege is needed.

    Removes blobs that nothing refers to any more. Files that are in use are left alone and said,
    with exit code 3.
    """
    target = resolve_target(resolve_settings(parameters_from(pairs, practice=practice), explicit=True).values)
    say_where(target)
    plan = plan_dedupe(target.cache_dir, target.artifacts_dir)
    if dry_run:
        click.echo(plan.model_dump_json(indent=2) if as_json else str(plan))
        return ExitCode.OK
    result = apply_dedupe(plan, say=lambda text: click.echo(text, err=True))
    click.echo(result.model_dump_json(indent=2) if as_json else str(result))
    return result.exit_code
