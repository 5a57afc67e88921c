"""The command line: data on stdout, progress and hints on stderr, one place where errors become exit codes."""

import sys

import click

from runbook_lib.cli import hub, run
from runbook_lib.errors import RunbookError

__all__ = ["main", "runbook"]

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="docling-runbook")
def runbook() -> None:
    """Get Docling / Hugging Face models onto this machine and prove that a document converts."""


runbook.add_command(run.run)
runbook.add_command(hub.hub)


def main() -> None:
    """Run a command; exit 0 ok, 1 failed, 2 wrong usage or settings, 130 interrupted."""
    try:
        sys.exit(runbook(standalone_mode=False) or 0)
    except RunbookError as error:
        sys.stderr.write("error: " + "\n".join(error.lines()) + "\n")
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("interrupted\n")
        sys.exit(_INTERRUPTED)
