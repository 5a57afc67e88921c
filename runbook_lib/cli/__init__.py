"""The command line: data on stdout, progress and hints on stderr, one place where errors become exit codes."""

import io
import sys

import click

from runbook_lib.cli.lazy import LazyGroup
from runbook_lib.errors import RunbookError

__all__ = ["main", "runbook"]

_INTERRUPTED = 130


@click.group(
    cls=LazyGroup,
    homes={
        "audit": "runbook_lib.cli.audit:audit",
        "dedupe": "runbook_lib.cli.dedupe:dedupe",
        "diagnose": "runbook_lib.cli.diagnose:diagnose",
        "doctor": "runbook_lib.cli.doctor:doctor",
        "drills": "runbook_lib.cli.drills:drills",
        "hub": "runbook_lib.cli.hub:hub",
        "lab": "runbook_lib.cli.lab:lab",
        "lock": "runbook_lib.cli.lock:lock",
        "quirks": "runbook_lib.cli.diagnose:quirks",
        "repair": "runbook_lib.cli.repair:repair",
        "run": "runbook_lib.cli.run:run",
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="docling-runbook")
def runbook() -> None:
    """Get Docling / Hugging Face models onto this machine and prove that a document converts."""


def main() -> None:
    """Run a command; exit 0 ok, 1 failed, 2 wrong usage or settings, 130 interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a folder's name need not fit the encoding of a pipe
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
