"""The command line: data on stdout, progress and hints on stderr, one place where errors become exit codes."""

import gc
import io
import os
import sys
from typing import Any, Final

import click

from runbook_lib.cli.ending import drop_output, say_ending
from runbook_lib.cli.lazy import LazyGroup, verbose_option
from runbook_lib.cli.version import say_version
from runbook_lib.core.log import end_logs
from runbook_lib.errors import DiskError, ExitCode

__all__ = ["main", "runbook"]


@click.group(
    cls=LazyGroup,
    homes={
        "audit": ("runbook_lib.cli.audit:audit", "Read a repository and report what breaks model downloads."),
        "bundle": ("runbook_lib.cli.bundle:bundle", "Carry models to a machine without a network."),
        "clean": ("runbook_lib.cli.clean:clean", "Remove what the runbook made for itself: plan first."),
        "config": ("runbook_lib.cli.config:config", "Show each setting, its value and where it comes from."),
        "dedupe": ("runbook_lib.cli.dedupe:dedupe", "Store every content once, by hard links."),
        "converge": ("runbook_lib.cli.converge:converge", "Bring this machine to what the lock file says."),
        "delete": ("runbook_lib.cli.delete:delete", "Delete revisions from the cache, by repository."),
        "diagnose": ("runbook_lib.cli.diagnose:diagnose", "Name the failures in a log or traceback."),
        "diff": (
            "runbook_lib.cli.history:diff",
            "Show what changed between two runs, or since the last one that worked.",
        ),
        "doctor": ("runbook_lib.cli.doctor:doctor", "Look for what will go wrong before it does."),
        "drills": ("runbook_lib.cli.drills:drills", "List the breakage drills, or show one."),
        "fleet": ("runbook_lib.cli.fleet:fleet", "Run on many hosts, and report on all of them together."),
        "history": ("runbook_lib.cli.history:history", "List the runs, and where some are missing."),
        "hub": ("runbook_lib.cli.hub:hub", "Serve the practice hub on 127.0.0.1."),
        "init": ("runbook_lib.cli.config:init", "Write a commented runbook.toml."),
        "lab": ("runbook_lib.cli.lab:lab", "Open the notebooks in JupyterLab."),
        "lock": ("runbook_lib.cli.lock:lock", "Pin commits and contents, or verify against a lock file."),
        "prune-runs": ("runbook_lib.cli.history:prune_runs", "Remove run folders that no rule keeps."),
        "mirror": ("runbook_lib.cli.mirror:mirror", "Check a mirror of the Hub before anything depends on it."),
        "quirks": ("runbook_lib.cli.diagnose:quirks", "List, search or show the known failures."),
        "repair": ("runbook_lib.cli.repair:repair", "Move damaged files aside and fetch only those again."),
        "report": ("runbook_lib.cli.report:report", "Regenerate the report of a run, and open it."),
        "run": ("runbook_lib.cli.run:run", "Run the six stages headless."),
        "schedule": ("runbook_lib.cli.schedule:schedule", "Print what makes a scheduler start a run."),
        "show": ("runbook_lib.cli.history:show", "Show one run: how it ended and what it worked with."),
        "state": ("runbook_lib.cli.state:state", "Compare this machine with the lock file."),
        "support-bundle": (
            "runbook_lib.cli.support_bundle:support_bundle",
            "Write one zip to attach when asking for help.",
        ),
        "verify": ("runbook_lib.cli.verify:verify", "Compare every file with what the Hub published."),
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@verbose_option
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    callback=say_version,
    help="Show the version and exit; with -v what the program consists of.",
)
def runbook() -> None:
    """Get Docling / Hugging Face models onto this machine and prove that a document converts."""


_AS_TYPED: Final[dict[str, Any]] = {
    "prog_name": "runbook",
    "complete_var": "_RUNBOOK_COMPLETE",
    "standalone_mode": False,
    "windows_expand_args": False,
}
"""How click is called: errors come back to us, and arguments arrive as typed.

click 8 on Windows expands globs, `~` and `%VARIABLES%` in every argument, quoted or not (`click.core.Command.main`).
"""


_OBJECTS_BEFORE_COLLECTION: Final = 50_000
"""Imports make as many objects, of which none is garbage; looked at every 700 of them, as Python has it, they take a
tenth of a command's start."""


def main() -> None:
    """Run a command and end the process with its exit code, an `ExitCode`; docs/cli.md lists them."""
    _open_missing_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a folder's name need not fit the encoding of a pipe
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION, *gc.get_threshold()[1:])
    arguments = sys.argv[1:]
    try:
        code = runbook(arguments, **_AS_TYPED) or ExitCode.OK
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has enough, as `| head` has
        drop_output()
        code = ExitCode.FAILED
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort: said, logged and given its own exit code
        code = say_ending(_refused_output(error) or error, arguments)
    finally:
        end_logs()
    sys.exit(int(code))


def _open_missing_streams() -> None:
    """Stand in for streams that the caller closed, as `<&-` does: Python leaves None in their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - as long as the process


def _refused_output(error: BaseException) -> DiskError | None:
    """Return why stdout takes no more, as on a full disk, where that is what `error` says; a line more tells it."""
    if not isinstance(error, OSError) or error.filename is not None:
        return None
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError as refusal:
        from runbook_lib.system.filesystem import describe_os_error

        drop_output()
        remedy = "Send it to where there is room, or through a pipe."
        return DiskError("The output cannot be written.", why=describe_os_error(refusal), remedy=remedy)
    return None
