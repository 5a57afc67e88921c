"""The kernel of the notebook that is being executed: where its keys stand, and how it is ended from outside."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config

from runbook_lib.notebooks import ENCRYPTED
from runbook_lib.workers.process_tree import end_tree

_STDERR: Final = 2


class Kernel:
    """A kernel that nbclient makes and keeps to itself."""

    def __init__(self, connection_file: Path) -> None:
        self._managers: list[AsyncKernelManager] = []
        self._connection_file = connection_file
        self._groups: set[int] = set()
        self.is_ready = False
        """Whether it takes interruptions as a cell's `KeyboardInterrupt`; before, they break its start."""

    def options(self) -> dict[str, Any]:
        """Return what makes nbclient use this one."""
        managers = self._managers

        class Manager(AsyncKernelManager):
            def __init__(self, **traits: Any) -> None:  # noqa: ANN401 - traitlets' own signature
                super().__init__(**traits)
                managers.append(self)

            async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:  # noqa: ANN401
                await super()._async_launch_kernel(kernel_cmd, **{"stdout": _stderr(), **options})

        manager = {
            "transport_encryption": ENCRYPTED.KernelManager.transport_encryption,
            "connection_file": str(self._connection_file),
        }
        return {
            "kernel_manager_class": Manager,
            "config": Config(KernelManager=manager),
            "on_notebook_start": self._note_ready,
        }

    @property
    def is_starting(self) -> bool:
        """Whether it was asked for and has not answered yet."""
        return bool(self._managers) and not self.is_ready

    @property
    def command(self) -> str:
        """The program it is started with; empty when it was not asked for."""
        specs = [manager.kernel_spec for manager in self._managers]
        return specs[-1].argv[0] if specs and specs[-1] else ""

    def interrupt(self) -> None:
        """Interrupt the cell that runs; a kernel that is still starting is ended at once."""
        if not self.is_ready:
            self.kill()
            return
        for process in self._processes():
            with suppress(OSError):
                if os.name == "nt":
                    from jupyter_client.win_interrupt import send_interrupt

                    send_interrupt(process.win32_interrupt_event)
                else:
                    os.kill(process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End the kernel and all it started, at once."""
        for process in self._processes():
            end_tree(process.pid)

    def kill_orphans(self) -> None:
        """End what a kernel that died of itself has left: its process group, which POSIX keeps under its number."""
        for group in self._groups:
            with suppress(OSError):  # nobody is left in it
                os.killpg(group, signal.SIGKILL)

    def _processes(self) -> list[Any]:
        provisioners = [manager.provisioner for manager in self._managers]
        found = [getattr(provisioner, "process", None) for provisioner in provisioners]
        return [process for process in found if process is not None]

    def _note_ready(self, **_hook: object) -> None:
        self.is_ready = True
        for process in self._processes():
            with suppress(OSError, AttributeError):  # Windows has no process groups of this kind
                if os.getpgid(process.pid) == process.pid:
                    self._groups.add(process.pid)


def _stderr() -> int:
    """Return where a kernel's own stdout goes, before and beside what its cells print: ours carries one document."""
    try:
        os.fstat(_STDERR)
    except OSError:  # pythonw has none
        return subprocess.DEVNULL
    return _STDERR
