"""`runbook state`: how this machine stands to the lock file."""

from collections.abc import Sequence
from pathlib import Path

import click

from runbook_lib.cli.options import json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_result
from runbook_lib.cli.where import say_where
from runbook_lib.desired.look import machine_state
from runbook_lib.run.lock_file import LOCK_NAME
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.target import ResolvedTarget, resolve_target
from runbook_lib.terminal.watch import watching

hash_option = click.option("--hash", "by_hash", is_flag=True, help="Read every content and compare it with its hash.")
lock_argument = click.argument("file", default=LOCK_NAME, metavar="[FILE]")


@click.command()
@setting_options
@hash_option
@lock_argument
@json_option
def state(pairs: Sequence[tuple[str, str]], practice: bool, by_hash: bool, file: str, as_json: bool) -> int:
    """Compare this machine with the lock file FILE, by names, links, sizes and times; takes a moment.

    Needs no network and changes nothing. Exit code 0 when in state, 10 drifted, 11 broken, 12 when it cannot tell,
    which --hash may settle.
    """
    target = places_alone(pairs, practice=practice)
    say_where(target)
    with watching("reading every file" if by_hash else "looking"):
        found = machine_state(target, Path(file), by_hash=by_hash)
    print_result(found, as_json=as_json)
    return found.exit_code


def places_alone(pairs: Sequence[tuple[str, str]], *, practice: bool) -> ResolvedTarget:
    """Return the places alone: no hub is started or asked."""
    parameters = parameters_from(pairs, practice=practice)
    return resolve_target(resolve_settings({**parameters, "offline": True}, explicit=True).values)
