"""The kernel of the next stage, started while this stage works: it waits for cells when its turn comes."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runbook_lib.headless.kernel import Kernel

_log = logging.getLogger(__name__)


class KernelsAhead:
    """Hands out kernels, one a notebook; the one that is started ahead has run no cell of anybody's."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._ahead: tuple[Path, Kernel, threading.Thread] | None = None

    def take(self, notebook: Path) -> Kernel:
        """Return the kernel that was started for this notebook; where none lives, one that is yet to start."""
        if self._ahead is not None and self._ahead[0] == notebook:
            _notebook, kernel, thread = self._ahead
            self._ahead = None
            thread.join()
            if kernel.is_running:
                return kernel
            kernel.discard()
        return self._new(notebook)

    def begin(self, notebook: Path) -> None:
        """Start the kernel for this notebook and wait for nothing; what keeps it from starting is told at its turn."""
        self.end()
        kernel = self._new(notebook)
        thread = threading.Thread(target=_start, args=(kernel, notebook), daemon=True, name="kernel-ahead")
        thread.start()
        self._ahead = (notebook, kernel, thread)

    def end(self) -> None:
        """End the kernel that nobody took."""
        if self._ahead is not None:
            _notebook, kernel, thread = self._ahead
            self._ahead = None
            thread.join()
            kernel.discard()

    def _new(self, notebook: Path) -> Kernel:
        return Kernel(self._scratch / f"kernel-{notebook.stem}.json")


def _start(kernel: Kernel, notebook: Path) -> None:
    try:
        kernel.start(notebook)
    except Exception as error:  # noqa: BLE001 - whatever it is, the stage meets it again and tells it
        _log.info("the kernel for %s was not started ahead: %s", notebook.name, error)


@contextmanager
def kernels_ahead(scratch: Path) -> Iterator[KernelsAhead]:
    """Provide kernels while the block runs; none that was started ahead outlives it."""
    kernels = KernelsAhead(scratch)
    try:
        yield kernels
    finally:
        kernels.end()
