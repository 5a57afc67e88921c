"""The kernel of a run: it executes one notebook after the other, emptied in between, and is replaced when it died."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from papermill.utils import nb_kernel_name

from runbook_lib.headless.kernel import Kernel


class RunKernel:
    """Hands out the kernel for a notebook: the one that executed the notebook before, while it lives."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._kernel: Kernel | None = None
        self._made = 0

    def of(self, notebook: Path) -> Kernel:
        """Return the kernel for a notebook; one that is yet to start is started by whoever executes it."""
        name = nb_kernel_name(nbformat.read(notebook, as_version=4))
        if self._kernel is None or self._kernel.name != name or not self._kernel.is_running:
            self.end()
            self._made += 1
            self._kernel = Kernel(name, self._scratch / f"kernel-{self._made}.json")
        return self._kernel

    def end(self) -> None:
        """End the kernel, if there is one."""
        if self._kernel is not None:
            self._kernel.end()
            self._kernel = None


@contextmanager
def run_kernel(scratch: Path) -> Iterator[RunKernel]:
    """Provide a kernel while the block runs; it does not outlive it."""
    kernel = RunKernel(scratch)
    try:
        yield kernel
    finally:
        kernel.end()
