"""How a run ends, written into its header: a run that says nothing of its end would be going on for ever."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from runbook_lib.errors import DiskError
from runbook_lib.run.folder import Run, RunState


@contextmanager
def failure_noted(run: Run) -> Iterator[None]:
    """Write what ends the block before its time into the header."""
    try:
        yield
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        with suppress(DiskError):  # what ended the run is the better error
            run.update(
                state=RunState.INTERRUPTED if interrupted else RunState.FAILED,
                problem="interrupted" if interrupted else f"{type(error).__name__}: {error}",
            )
        raise


@contextmanager
def end_noted(run: Run) -> Iterator[None]:
    """Write into the header that the block came to its end, or what ended it."""
    with failure_noted(run):
        yield
    run.update(state=RunState.FINISHED)
