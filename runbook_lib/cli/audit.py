"""`runbook audit`: what in a service's repository breaks model downloads."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from runbook_lib.audit.auditor import audit as audit_repository
from runbook_lib.audit.finding import Severity
from runbook_lib.audit.registry import RULES
from runbook_lib.cli.options import NameType, json_option
from runbook_lib.cli.result import print_result
from runbook_lib.terminal.watch import watching


@click.command()
@click.argument("path", metavar="PATH")
@click.option(
    "--rule",
    "rules",
    multiple=True,
    type=NameType(lambda: RULES),
    metavar="ID",
    help="Apply only this rule; repeatable.",
)
@click.option("--sarif", is_flag=True, help="Print SARIF 2.1.0, which GitHub shows beside the code.")
@json_option
def audit(path: str, rules: Sequence[str], sarif: bool, as_json: bool) -> int:
    """Read a repository, never running any of it, and report what breaks model downloads, with file and line.

    Exit code 1 when there is a finding of severity error.
    """
    with watching("reading the repository"):
        report = audit_repository(Path(path), select=rules or None)
    if sarif:
        click.echo(json.dumps(report.to_sarif(), indent=2))
    else:
        print_result(report, as_json=as_json)
    return 1 if report.worst is Severity.ERROR else 0
