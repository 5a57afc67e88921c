"""Executes one notebook through papermill, and tells the truth about how it ended."""

import errno
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from runbook_lib.core import atomic
from runbook_lib.errors import DiskError, UsageError
from runbook_lib.notebooks import ENCRYPTED
from runbook_lib.system.filesystem import describe_os_error

_START_TIMEOUT_S = 120
_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
_QUIET_KERNEL = ["--IPKernelApp.log_level=CRITICAL"]
"""A kernel is interrupted before it is shut down (jupyter_client 8.10), and may log that as an error of its own."""


@dataclass(frozen=True)
class NotebookOutcome:
    """How an execution ended; `problem` is empty when every cell ran."""

    output: Path
    problem: str = ""


def execute_notebook(
    source: Path, output: Path, parameters: Mapping[str, object], *, cell_limit_s: float
) -> NotebookOutcome:
    """Run a notebook and keep the executed copy; a cell that fails is an outcome, not an exception.

    The notebook is handed over as a node and the output path with its braces doubled, because papermill 2.7 puts both
    paths through `str.format`.
    """
    node = nbformat.read(source, as_version=4)
    escaped = str(output).replace("{", "{{").replace("}", "}}")
    try:
        with _quiet_papermill():
            papermill.execute_notebook(
                node,
                escaped,
                parameters=dict(parameters),
                progress_bar=False,
                config=ENCRYPTED,
                extra_arguments=_QUIET_KERNEL,
                start_timeout=_START_TIMEOUT_S,
                execution_timeout=int(cell_limit_s),
            )
    except PapermillExecutionError as error:
        return NotebookOutcome(output, f"{error.ename}: {error.evalue}")
    except DeadKernelError:
        return NotebookOutcome(output, _mark(output, "The kernel died: native code crashed, or memory ran out."))
    except CellTimeoutError:
        return NotebookOutcome(output, _mark(output, f"A cell was stopped after {cell_limit_s:g} s."))
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise DiskError(
            f"{error.filename or output} cannot be written.",
            why=describe_os_error(error),
            remedy="Free space, or name a run folder that this user may write: -p run_dir PATH.",
        ) from error
    except NoSuchKernel as error:
        raise UsageError(
            "No Jupyter kernel could be started.",
            why=str(error),
            remedy="Register one in this environment: python -m ipykernel install --sys-prefix --name python3",
        ) from error
    return NotebookOutcome(output)


def _mark(output: Path, problem: str) -> str:
    """Write the problem into the executed notebook, which papermill 2.7 leaves saying `completed` after a death."""
    try:
        node = nbformat.read(output, as_version=4)
    except (OSError, ValueError):
        return problem
    node.cells.insert(0, nbformat.v4.new_markdown_cell(f"**This execution did not end well.** {problem}"))
    node.metadata.setdefault("papermill", {})["exception"] = True
    for cell in node.cells:
        if cell.cell_type == "code" and cell.execution_count is None:
            cell.metadata.setdefault("papermill", {})["status"] = "failed"
    atomic.write_text(output, nbformat.writes(node) + "\n")
    return problem


@contextmanager
def _quiet_papermill() -> Iterator[None]:
    """Keep papermill's log out of our stderr; what it says of cells stands in the executed notebook."""
    logger = logging.getLogger("papermill")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
