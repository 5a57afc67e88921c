"""The kernel that notebooks are executed in: where its keys stand, and how it is ended from outside."""

import asyncio
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config

from runbook_lib.notebooks import ENCRYPTED
from runbook_lib.workers.process_tree import end_tree

QUIET_KERNEL: Final = ("--IPKernelApp.log_level=CRITICAL",)
"""A kernel is interrupted before it is shut down (jupyter_client 8.10), and may log that as an error of its own."""
_STDERR: Final = 2


class _Manager(AsyncKernelManager):
    """Jupyter's own, but that it notes when the kernel is asked for, and lends it our stderr."""

    was_asked = False

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:  # noqa: ANN401
        self.was_asked = True
        await super()._async_launch_kernel(kernel_cmd, **{"stdout": _stderr(), **options})


class Kernel:
    """A kernel for notebooks, one after the other; nbclient starts it for the first, and whoever made it ends it."""

    def __init__(self, name: str, connection_file: Path) -> None:
        self.name = name
        manager = {
            "transport_encryption": ENCRYPTED.KernelManager.transport_encryption,
            "connection_file": str(connection_file),
        }
        self._manager = _Manager(kernel_name=name, config=Config(KernelManager=manager))
        self._groups: set[int] = set()
        self.is_ready = False
        """Whether it takes interruptions as a cell's `KeyboardInterrupt`; before, they break its start."""

    def options(self) -> dict[str, Any]:
        """Return what makes nbclient use this one."""
        return {"km": self._manager, "extra_arguments": list(QUIET_KERNEL), "on_notebook_start": self._note_ready}

    @property
    def is_running(self) -> bool:
        """Whether it was started and its process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_starting(self) -> bool:
        """Whether it was asked for and has not answered yet."""
        return self._manager.was_asked and not self.is_ready

    @property
    def command(self) -> str:
        """The program it is started with."""
        return self._manager.kernel_spec.argv[0] if self._manager.kernel_spec else ""

    def interrupt(self) -> None:
        """Interrupt the cell that runs; a kernel that is still starting is ended at once."""
        if not self.is_ready:
            self.kill()
            return
        process = self._process
        if process is None:
            return
        with suppress(OSError):
            if os.name == "nt":
                from jupyter_client.win_interrupt import send_interrupt

                send_interrupt(process.win32_interrupt_event)
            else:
                os.kill(process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End the kernel and all it started, at once."""
        if self._process is not None:
            end_tree(self._process.pid)

    def end(self) -> None:
        """End the kernel as Jupyter does, asked first, and let go of what Jupyter keeps of it.

        Also where an event loop runs already: a notebook, and whatever else calls us, may have one.
        """
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, self._ended()).result()

    def kill_orphans(self) -> None:
        """End what a kernel that died of itself has left: its process group, which POSIX keeps under its number."""
        for group in self._groups:
            with suppress(OSError):  # nobody is left in it
                os.killpg(group, signal.SIGKILL)

    @property
    def _process(self) -> Any:  # noqa: ANN401 - Popen, with an event for interruptions on Windows
        return getattr(self._manager.provisioner, "process", None)

    async def _ended(self) -> None:
        if self.is_running:
            with suppress(RuntimeError):  # it ended meanwhile
                await self._manager.shutdown_kernel()
        await self._manager.cleanup_resources()

    def _note_ready(self, **_hook: object) -> None:
        self.is_ready = True
        if self._process is not None:
            with suppress(OSError, AttributeError):  # Windows has no process groups of this kind
                if os.getpgid(self._process.pid) == self._process.pid:
                    self._groups.add(self._process.pid)


def _stderr() -> int:
    """Return where a kernel's own stdout goes, before and beside what its cells print: ours carries one document."""
    try:
        os.fstat(_STDERR)
    except OSError:  # pythonw has none
        return subprocess.DEVNULL
    return _STDERR
