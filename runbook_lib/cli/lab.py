"""`runbook lab`: the notebooks in JupyterLab."""

import os
from pathlib import Path

import click

from runbook_lib.core.extras import require_extra
from runbook_lib.run.setting_sources import ENV_PREFIX
from runbook_lib.run.settings import PRACTICE


@click.command()
@click.option("--workspace", default="workspace", metavar="DIR", show_default=True, help="Folder for the copies.")
@click.option("--in-place", is_flag=True, help="Work on the runbook's own notebooks instead of copies.")
@click.option("--practice", is_flag=True, help="Let the notebooks use the built-in hub unless they name another.")
@click.option(
    "--port", default=8888, type=click.IntRange(0, 65535), help="TCP port; if 0 or taken, another one is used."
)
@click.option("--no-browser", is_flag=True, help="Print the address and open no browser.")
def lab(workspace: str, in_place: bool, practice: bool, port: int, no_browser: bool) -> None:
    """Open JupyterLab at 00_start_here, with this environment's kernel, reachable from this machine only.

    It works on copies. Existing copies in the workspace are kept: delete one to get a fresh one.
    """
    require_extra("notebooks", "jupyterlab", purpose="runbook lab")
    from runbook_lib.interactive.lab import copy_notebooks, open_lab, register_kernel

    if register_kernel():
        click.echo("The kernel runbook is registered in this environment.", err=True)
    folder = None if in_place else Path(workspace).absolute()
    if folder is not None:
        copied, kept = copy_notebooks(folder)
        click.echo(f"{copied} notebooks copied to {folder}, {kept} kept.", err=True)
    if practice:
        os.environ[f"{ENV_PREFIX}HUB"] = PRACTICE  # kernels inherit it, and a notebook's own value stands above it
    open_lab(folder, port=port, browser=not no_browser)
