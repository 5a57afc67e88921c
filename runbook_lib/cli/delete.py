"""`runbook delete`: models leave the cache, repository by repository."""

import sys
from collections.abc import Sequence

import click

from runbook_lib.cli.options import dry_run_option, json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_result
from runbook_lib.errors import ExitCode, UsageError
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.target import resolve_target
from runbook_lib.terminal.screen import print_sections
from runbook_lib.upkeep.deletion.apply import apply_deletion
from runbook_lib.upkeep.deletion.facts import CacheContents, DeletionPlan, DeletionResult
from runbook_lib.upkeep.deletion.naming import revisions_named
from runbook_lib.upkeep.deletion.plan import collect_revisions, plan_deletion


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL[@REVISION]]...")
@setting_options
@dry_run_option
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@json_option
def delete(
    models: Sequence[str], pairs: Sequence[tuple[str, str]], practice: bool, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Permanently delete revisions from the cache, after showing what would go and how much that frees.

    MODEL alone means every revision of org/name that the cache holds; REVISION is a branch, a tag or the beginning of a
    commit. No other repository is touched, even one at the same commit. Without MODEL the revisions are listed. Exit
    code 3 when something could not be removed.
    """
    target = resolve_target(resolve_settings(parameters_from(pairs, practice=practice), explicit=True).values)
    present = collect_revisions(target.cache_dir, target.artifacts_dir)
    if not models:
        _print(CacheContents(cache_dir=target.cache_dir, revisions=present), as_json)
        return ExitCode.OK
    going = dict.fromkeys(model for text in models for model in revisions_named(text, present))
    plan = plan_deletion(target, tuple(going))
    if dry_run or plan.is_empty:
        _print(plan, as_json)
        return ExitCode.FAILED if plan.unknown else ExitCode.OK
    _ask(plan, yes=yes)
    result = apply_deletion(target, plan)
    _print(result, as_json)
    return ExitCode.PARTIAL if result.left or plan.unknown else ExitCode.OK


def _ask(plan: DeletionPlan, *, yes: bool) -> None:
    if yes:
        return
    print_sections(plan.sections(), sys.stderr)
    if not sys.stdin.isatty():
        raise UsageError(
            "There is nobody to ask for confirmation here; nothing was deleted.", remedy="Add --yes to delete this."
        )
    click.confirm("Delete this for good?", abort=True, err=True)


def _print(shown: CacheContents | DeletionPlan | DeletionResult, as_json: bool) -> None:
    print_result(shown, as_json=as_json)
