"""Options that several commands share."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from runbook_lib.run.settings import PRACTICE

CommandT = TypeVar("CommandT", bound=Callable[..., object])


def setting_options(command: CommandT) -> CommandT:
    """Add `-p NAME VALUE` and `--practice`, which every command that needs settings takes."""
    parameter = click.option(
        "-p", "--parameter", "pairs", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter; repeatable."
    )
    practice = click.option("--practice", is_flag=True, help="Use the built-in hub: short for -p hub practice.")
    return practice(parameter(command))


def dry_run_option(command: CommandT) -> CommandT:
    """Add `--dry-run`: show the plan and change nothing."""
    return click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")(command)


def json_option(command: CommandT) -> CommandT:
    """Add `--json`: one JSON document and nothing else on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


def parameters_from(pairs: Sequence[tuple[str, str]], *, practice: bool, **more: str) -> dict[str, object]:
    """Join the pairs with parameters that have an option of their own; an empty one counts as not given."""
    own = {"hub": PRACTICE} if practice else {}
    return {**own, **{name: value for name, value in more.items() if value}, **dict(pairs)}
