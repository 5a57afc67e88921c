"""`runbook report`: the report of a run, made anew from its records."""

import webbrowser
from pathlib import Path

import click

from runbook_lib.cli.history import runs_option
from runbook_lib.core.extras import require_extra
from runbook_lib.errors import ExitCode, RunbookError
from runbook_lib.history.index import read_history
from runbook_lib.history.naming import LAST, run_named
from runbook_lib.run.folder import Run
from runbook_lib.run.opening import require_run


@click.command()
@click.argument("run", default=LAST)
@runs_option
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
def report(run: str, runs: Path, opens: bool) -> int:
    """Regenerate the report of a run from its records, and print its path.

    RUN is a name or its beginning, a folder, last (the default) or last-good.
    """
    path = made_anew(run, runs)
    click.echo(str(path))
    if opens and not webbrowser.open(path.as_uri()):
        raise RunbookError("No browser could be started here.", remedy=f"Open it by hand: {path}")
    return ExitCode.OK


def made_anew(run: str, runs: Path) -> Path:
    """Write the report of a run, named as the command takes it, and return its path."""
    require_extra("notebooks", "jinja2", purpose="runbook report")
    folder = Run(_folder(run, runs.absolute()))
    from runbook_lib.headless.report import write_report
    from runbook_lib.headless.summary import summary_of

    return write_report(folder, summary_of(folder))


def _folder(run: str, home: Path) -> Path:
    """Return the folder of a run by its name, or of one that stands anywhere."""
    if Run(Path(run)).exists:
        return Path(run).absolute()
    folder = home / run_named(read_history(home), run).id
    require_run(folder)  # the history remembers runs whose folders are gone
    return folder
