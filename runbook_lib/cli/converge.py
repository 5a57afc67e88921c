"""`runbook converge`: bring this machine to what the lock file says."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from runbook_lib.cli.options import dry_run_option, json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_result
from runbook_lib.cli.state import hash_option, lock_argument, places_alone
from runbook_lib.cli.where import say_where
from runbook_lib.desired.converge import Converging
from runbook_lib.desired.look import state_of
from runbook_lib.desired.origins import HUB, Origin, origin_of
from runbook_lib.desired.plan import plan_converge
from runbook_lib.desired.state import State
from runbook_lib.errors import ExitCode
from runbook_lib.run.lock_file import LockFile, read_lock, require_same_kind
from runbook_lib.run.opening import OpenRun, open_target
from runbook_lib.terminal.watch import watching


@click.command()
@setting_options
@click.option(
    "--from",
    "origins",
    multiple=True,
    metavar="WHERE",
    help="Where contents come from, tried in order if repeated: a bundle, oci://HOST/NAME:TAG, a mirror's https:// "
    "address, "
    "the folder of a peer's Hub cache, or hub, the default.",
)
@click.option(
    "--trust", "trusted", default="", metavar="FILE", help="Accept only bundles signed by this key or authority."
)
@hash_option
@dry_run_option
@lock_argument
@json_option
def converge(
    pairs: Sequence[tuple[str, str]],
    practice: bool,
    origins: Sequence[str],
    trusted: str,
    by_hash: bool,
    dry_run: bool,
    file: str,
    as_json: bool,
) -> int:
    """Bring this machine to what the lock file FILE says; do nothing when it is already there.

    Contents that are already on this machine are used first. Every content is checked against its hash before it
    counts. Safe to run again after an interruption. The exit code is the one runbook state would give afterwards.
    """
    target, lock = places_alone(pairs, practice=practice), read_lock(Path(file))
    require_same_kind(target, lock, Path(file))
    say_where(target)
    sources = [origin_of(text) for text in origins or (HUB,)]
    with watching("looking"):
        before = state_of(target, lock, Path(file), by_hash=by_hash)
        if before.state is State.UNKNOWN and not by_hash:
            before = state_of(target, lock, Path(file), by_hash=True)
    if dry_run:
        print_result(plan_converge(before, [source.words for source in sources]), as_json=as_json)
        return ExitCode.OK

    def open_recorded(origin: Origin | None) -> OpenRun:
        return _recorded(pairs, practice, lock, origin)

    converging = Converging(target, lock, Path(file), open_recorded, _say, Path(trusted) if trusted else None)
    with watching("converging"):
        done = converging.converge(before, sources)
    print_result(done, as_json=as_json)
    return done.exit_code


def _recorded(pairs: Sequence[tuple[str, str]], practice: bool, lock: LockFile, origin: Origin | None) -> OpenRun:
    """Begin a run for the models of the lock file, whatever the pipeline would want."""
    parameters = parameters_from(pairs, practice=practice)
    parameters["models"] = ", ".join(str(repository.model) for repository in lock.repositories)
    if origin and origin.text != HUB:
        parameters["hub"] = origin.text
    if origin is None:
        parameters["offline"] = True
    return open_target(parameters, recorded=True)


def _say(line: str) -> None:
    click.echo(line, file=sys.stderr)
