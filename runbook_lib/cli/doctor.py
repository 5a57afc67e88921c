"""`runbook doctor`: detect without notebooks."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from runbook_lib.cli.options import NameType, json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_result
from runbook_lib.cli.where import say_where
from runbook_lib.errors import UsageError
from runbook_lib.render.rendered import Shown
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.target import Target, resolve_target
from runbook_lib.terminal.screen import show
from runbook_lib.terminal.watch import watching

if TYPE_CHECKING:
    from runbook_lib.render.sections import Table


def _check_ids() -> Iterable[str]:
    from runbook_lib.checks.registry import PROBES

    return (probe.id for probe in PROBES)


@click.command()
@setting_options
@click.option(
    "--only", multiple=True, type=NameType(_check_ids), metavar="ID", help="Make only this check; repeatable."
)
@click.option("--list", "as_list", is_flag=True, help="List every check and the quirk it foresees.")
@click.option("--checklist", "as_checklist", is_flag=True, help="Evaluate the prevention checklist of quirk-001.")
@click.option("--fix", is_flag=True, help="Apply the safe remedies for what is not ok, and keep a record under runs/.")
@click.option("--dry-run", is_flag=True, help="With --fix: say what would change, and change nothing.")
@json_option
def doctor(
    pairs: Sequence[tuple[str, str]],
    practice: bool,
    only: Sequence[str],
    as_list: bool,
    as_checklist: bool,
    fix: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Look for what will go wrong before it does: some eighty checks in about a second.

    Imports neither docling nor huggingface_hub. With -p target_python PATH it examines the environment of a service.
    Exit code 1 when a check failed.
    """
    if dry_run and not fix:
        raise UsageError(
            "--dry-run only works with --fix.", remedy="Give both, or neither: without --fix nothing changes."
        )
    if sum((as_list, as_checklist, fix or bool(only))) > 1:
        raise UsageError("--list, --checklist and --only or --fix cannot be combined.", remedy="Give only one of them.")
    from runbook_lib.checks.doctor import examine
    from runbook_lib.checks.registry import PROBES, list_checks

    if as_list:
        rows = [
            {"id": probe.id, "quirk": probe.quirk, "systems": probe.systems, "needs_network": probe.needs_network}
            for probe in PROBES
        ]
        _print(list_checks(), rows, as_json=as_json)
        return 0
    settings = resolve_settings(parameters_from(pairs, practice=practice), explicit=True).values
    target = resolve_target(settings)
    say_where(target)
    if as_checklist:
        return _checklist(target, as_json=as_json)
    with watching("looking"):
        report = examine(settings, only)
        if fix:
            from runbook_lib.checks.fixes import apply_fixes

            report = apply_fixes(report, settings, dry_run=dry_run)
    print_result(report, as_json=as_json)
    return report.exit_code


def _checklist(target: Target, *, as_json: bool) -> int:
    from runbook_lib.checks.checklist import checklist, checklist_table
    from runbook_lib.run.check import Status

    boxes = checklist(target)
    _print(checklist_table(boxes), [box.model_dump(mode="json") for box in boxes], as_json=as_json)
    return 1 if any(box.status is Status.FAIL for box in boxes) else 0


def _print(table: "Table", rows: Sequence[object], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        show(Shown((table,)))
