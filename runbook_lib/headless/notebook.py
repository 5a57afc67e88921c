"""Executes one notebook through papermill, and tells the truth about how it ended."""

import asyncio
import errno
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import papermill
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from runbook_lib.errors import DiskError, RunbookError, UsageError
from runbook_lib.headless.engine import ENGINE_NAME
from runbook_lib.headless.executed import mark_unfinished
from runbook_lib.headless.interruption import Interruption
from runbook_lib.headless.kernel import Kernel
from runbook_lib.headless.run_kernel import RunKernel, run_kernel
from runbook_lib.headless.scratch import scratch_folder
from runbook_lib.notebooks import EXERCISE_TAG
from runbook_lib.system.filesystem import describe_os_error

_START_TIMEOUT_S = 120
_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
_LOOK_EVERY_S: Final = 0.25
_INTERRUPT_EVERY_S: Final = 1.0
_GRACE_S: Final = 4.0
"""What a cell has to tidy up after itself; `docker stop` waits for ten seconds in all."""
_LAST_S: Final = 5.0
_DOES_NOT_ANSWER: Final = "respond"
"""jupyter_client's word for it, for want of a class of its own."""


@dataclass(frozen=True)
class NotebookOutcome:
    """How an execution ended; `problem` is empty when every cell ran."""

    output: Path
    problem: str = ""


class NotebookInterrupted(RunbookError):
    """A signal ended the execution; the kernel of a run ends with the run, one of its own is gone."""

    id = "interrupted"


def execute_notebook(
    source: Path,
    output: Path,
    parameters: Mapping[str, object],
    *,
    cell_limit_s: float,
    interruption: Interruption | None = None,
    kernel_of_run: RunKernel | None = None,
) -> NotebookOutcome:
    """Run a notebook and keep the executed copy; a cell that fails is an outcome, not an exception.

    papermill works in a thread of its own: a signal is then noticed here, whatever asyncio and nbclient are at, and
    the kernel is ended from here. Raises `NotebookInterrupted` when `interruption` was noted meanwhile. The kernel of a
    run goes on after it; otherwise the notebook has one for itself.
    """
    asked = interruption or Interruption()
    with nullcontext(kernel_of_run) if kernel_of_run else _own_kernel() as known:
        kernel = known.of(source)
        work = _in_thread(lambda: _execute(source, output, parameters, cell_limit_s, kernel))
        try:
            while not asked.is_noted:
                outcome = _outcome_within(work, _LOOK_EVERY_S)
                if outcome is not None:
                    return outcome
            asked.when_noticed()
        finally:  # also when Ctrl-C, or an error of our own, ends the waiting
            _end(work, kernel, asked)
    mark_unfinished(output, f"It was interrupted by {asked.name}.")
    raise NotebookInterrupted(f"{source.name} was interrupted by {asked.name}.")


@contextmanager
def _own_kernel() -> Iterator[RunKernel]:
    with scratch_folder() as folder, run_kernel(folder) as kernel:
        yield kernel


def _outcome_within(work: "Future[NotebookOutcome]", limit_s: float) -> NotebookOutcome | None:
    try:
        return work.result(timeout=limit_s)
    except TimeoutError:
        if work.done():
            raise
        return None


def _end(work: "Future[NotebookOutcome]", kernel: Kernel, asked: Interruption) -> None:
    """Interrupt the cell, so that it tidies up; at the end of its patience, or when asked again, kill."""
    deadline = time.monotonic() + _GRACE_S
    count = asked.count
    while time.monotonic() < deadline and asked.count == count and not _is_over(work, 0):
        kernel.interrupt()
        if _is_over(work, _INTERRUPT_EVERY_S):
            return
    deadline = time.monotonic() + _LAST_S
    while time.monotonic() < deadline and not _is_over(work, _LOOK_EVERY_S):
        kernel.kill()  # again and again: one that was about to start may not have been there


def _is_over(work: "Future[NotebookOutcome]", limit_s: float) -> bool:
    try:
        work.exception(timeout=limit_s)
    except TimeoutError:
        return False
    return True


def _in_thread(call: Callable[[], NotebookOutcome]) -> "Future[NotebookOutcome]":
    """Begin the call on an event loop of its own, closed at the end with all that waits on it.

    nbclient takes the loop of its thread, leaves it open, and tasks on it when a cell ends before its time.
    """
    future: Future[NotebookOutcome] = Future()

    def work() -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: ensure_event_loop(prefer_selector_loop=True)) as runner:
                runner.get_loop()
                outcome = call()
        except BaseException as error:  # noqa: BLE001 - raised where the outcome is asked for
            future.set_exception(error)
        else:
            future.set_result(outcome)

    threading.Thread(target=work, daemon=True, name="papermill").start()
    return future


def _execute(
    source: Path, output: Path, parameters: Mapping[str, object], cell_limit_s: float, kernel: Kernel
) -> NotebookOutcome:
    """Execute in this thread.

    Paths are handed over with their braces doubled, because papermill 2.7 puts them through `str.format`. A notebook
    that is handed over as a node would be stored in its own metadata once more.
    """
    try:
        with _quiet_papermill():
            papermill.execute_notebook(
                _unformatted(source),
                _unformatted(output),
                parameters=dict(parameters),
                engine_name=ENGINE_NAME,
                progress_bar=False,
                start_timeout=_START_TIMEOUT_S,
                execution_timeout=int(cell_limit_s),
                skip_cells_with_tag=EXERCISE_TAG,
                **kernel.options(),
            )
    except PapermillExecutionError as error:
        return NotebookOutcome(output, f"{error.ename}: {error.evalue}")
    except DeadKernelError:
        return _died(kernel, output)
    except CellTimeoutError:
        return NotebookOutcome(output, mark_unfinished(output, f"A cell was stopped after {cell_limit_s:g} s."))
    except RuntimeError as error:
        return _lost(error, kernel, output)
    except OSError as error:
        if not (kernel.is_starting or error.errno in _REFUSALS):
            raise
        raise _refused(error, kernel, output) from error
    except NoSuchKernel as error:
        raise _no_kernel(str(error)) from error
    return NotebookOutcome(output)


def _died(kernel: Kernel, output: Path) -> NotebookOutcome:
    kernel.kill_orphans()
    return NotebookOutcome(output, mark_unfinished(output, "The kernel died: native code crashed, or memory ran out."))


def _lost(error: RuntimeError, kernel: Kernel, output: Path) -> NotebookOutcome:
    """Tell a kernel that is slow, or died between two notebooks, from one that cannot be started."""
    was_starting, was_alive = kernel.is_starting, kernel.is_running
    kernel.kill()
    if _DOES_NOT_ANSWER in str(error):
        late = f"The kernel did not start within {_START_TIMEOUT_S} s." if was_starting else "The kernel hangs."
        return NotebookOutcome(output, mark_unfinished(output, late))
    if was_starting:
        raise _no_kernel(f"{kernel.command} ended before it answered: it may lack ipykernel.") from error
    return NotebookOutcome(output, mark_unfinished(output, str(error))) if was_alive else _died(kernel, output)


def _refused(error: OSError, kernel: Kernel, output: Path) -> RunbookError:
    if kernel.is_starting:
        return _no_kernel(f"{kernel.command} cannot be started: {describe_os_error(error)}.")
    return DiskError(
        f"{error.filename or output} cannot be written.",
        why=describe_os_error(error),
        remedy="Free space, or name a run folder that this user may write to: -p run_dir PATH.",
    )


def _no_kernel(why: str) -> UsageError:
    return UsageError(
        "No Jupyter kernel could be started.",
        why=why,
        remedy="Register one in this environment: python -m ipykernel install --sys-prefix --name python3",
    )


def _unformatted(path: Path) -> str:
    return str(path).replace("{", "{{").replace("}", "}}")


@contextmanager
def _quiet_papermill() -> Iterator[None]:
    """Keep papermill's log out of our stderr; what it says of cells stands in the executed notebook."""
    logger = logging.getLogger("papermill")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
