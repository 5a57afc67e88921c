"""`runbook config` and `runbook init`: what the settings are and where they come from; a file to write them into."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from runbook_lib.cli.options import json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_shown
from runbook_lib.core import atomic
from runbook_lib.core.masking import mask_secrets, mask_url_credentials
from runbook_lib.errors import ExitCode, UsageError
from runbook_lib.render.rendered import Shown
from runbook_lib.render.sections import Table
from runbook_lib.run.folder import Run
from runbook_lib.run.opening import require_run
from runbook_lib.run.setting_sources import ENV_PREFIX, SETTINGS_FILE, ResolvedSettings, resolve_settings
from runbook_lib.run.settings_file import settings_file
from runbook_lib.system.filesystem import refusals_told

_UNSET: Final = "(empty)"


@click.command()
@setting_options
@click.option("--run-dir", default="", metavar="DIR", help="Run whose settings are shown.")
@json_option
def config(pairs: Sequence[tuple[str, str]], practice: bool, run_dir: str, as_json: bool) -> int:
    """Show each setting, its value and where it comes from: default, runbook.toml, environment, parameter or run.

    Starts nothing and writes nothing.
    """
    parameters = parameters_from(pairs, practice=practice, run_dir=run_dir)
    resolved = resolve_settings(parameters, explicit=True)
    named = resolved.values.run_dir
    if named:
        require_run(Path(named))
        resolved = resolve_settings(parameters, run=Run(Path(named)).header().settings, explicit=True)
    values = {name: _masked(value) for name, value in resolved.values.model_dump(mode="json").items()}
    if as_json:
        rows = [
            {"name": name, "value": value, "from": resolved.origins[name], "given_by": _given_by(name, resolved)}
            for name, value in values.items()
        ]
        click.echo(json.dumps({"schema_version": 1, "settings": rows}, indent=2))
    else:
        shown = tuple((name, _words(value), _given_by(name, resolved)) for name, value in values.items())
        print_shown(Shown((Table("Settings", ("setting", "value", "from"), shown),)))
    return ExitCode.OK


@click.command()
@setting_options
@click.option("--force", is_flag=True, help="Overwrite an existing file; its contents are lost.")
@click.argument("file", default=str(SETTINGS_FILE), metavar="[FILE]")
def init(pairs: Sequence[tuple[str, str]], practice: bool, force: bool, file: str) -> int:
    """Write a commented runbook.toml: every setting with its meaning, those given by -p filled in.

    An existing file is not touched without --force.
    """
    given = parameters_from(pairs, practice=practice)
    checked = resolve_settings(given, explicit=True, environ={}, file=Path("no such file")).values.model_dump(
        mode="json"
    )
    path = Path(file)
    if os.path.lexists(path) and not force:  # a link that leads nowhere today is not ours to replace
        raise UsageError(
            f"{path} already exists; nothing was written.",
            remedy="Edit it, name another file, or overwrite it with --force.",
        )
    with refusals_told(f"{path} cannot be written.", "Go where it can be, or name another place: runbook init FILE."):
        atomic.write_text(path, settings_file({name: checked[name] for name in given}))
    click.echo(str(path))
    if path.resolve() != SETTINGS_FILE.resolve():
        click.echo(f"It is read as {SETTINGS_FILE} in the folder where a command is started.", err=True)
    return ExitCode.OK


def _given_by(name: str, resolved: ResolvedSettings) -> str:
    """Say in words where a value comes from, so that it can be found."""
    return {
        "environment": f"environment: {ENV_PREFIX}{name.upper()}",
        "runbook.toml": f"file: {SETTINGS_FILE.absolute()}",
        "parameter": f"parameter: -p {name}",
        "run": f"run: {resolved.values.run_dir}",
    }.get(resolved.origins[name], resolved.origins[name])


def _masked(value: object) -> object:
    return mask_url_credentials(mask_secrets(value)) if isinstance(value, str) else value


def _words(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value) if value != "" else _UNSET
