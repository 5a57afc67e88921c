"""The kernel of the notebook that is being executed: where its keys stand, and how it is ended from outside."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import nbformat
from jupyter_client.manager import AsyncKernelManager
from papermill.utils import nb_kernel_name
from traitlets.config import Config

from runbook_lib.notebooks import ENCRYPTED
from runbook_lib.workers.process_tree import end_tree

QUIET_KERNEL: Final = ("--IPKernelApp.log_level=CRITICAL",)
"""A kernel is interrupted before it is shut down (jupyter_client 8.10), and may log that as an error of its own."""
_NO_HISTORY: Final = "--HistoryManager.hist_file=:memory:"
"""What nbclient 0.11 gives to the kernels that it starts."""
_STDERR: Final = 2


class Kernel:
    """A kernel that nbclient makes and keeps to itself, or that was started before nbclient asks for one."""

    def __init__(self, connection_file: Path) -> None:
        self._managers: list[AsyncKernelManager] = []
        self._connection_file = connection_file
        self._groups: set[int] = set()
        self._waits = False
        """Whether it was started ahead and nbclient has not turned to it yet."""
        self.is_ready = False
        """Whether it takes interruptions as a cell's `KeyboardInterrupt`; before, they break its start."""

    def start(self, notebook: Path) -> None:
        """Start it now, for a notebook that is executed later; returns before it answers, and raises as Jupyter does.

        It inherits this process's variables and working directory as they are now.
        """
        name = nb_kernel_name(nbformat.read(notebook, as_version=4))
        options = self._made_by_nbclient()
        manager = options["kernel_manager_class"](kernel_name=name, config=options["config"])
        self._waits = True
        _complete(manager.start_kernel(extra_arguments=[*QUIET_KERNEL, _NO_HISTORY]))

    @property
    def is_running(self) -> bool:
        """Whether it was started and its process lives."""
        processes = self._processes()
        return bool(processes) and all(process.poll() is None for process in processes)

    def options(self) -> dict[str, Any]:
        """Return what makes nbclient use this one."""
        started = {"km": self._managers[-1]} if self._managers else self._made_by_nbclient()
        return {**started, "extra_arguments": list(QUIET_KERNEL), "on_notebook_start": self._note_ready}

    def _made_by_nbclient(self) -> dict[str, Any]:
        managers, note_asked = self._managers, self._note_asked

        class Manager(AsyncKernelManager):
            def __init__(self, **traits: Any) -> None:  # noqa: ANN401 - traitlets' own signature
                super().__init__(**traits)
                managers.append(self)

            def client(self, **_options: Any) -> Any:  # noqa: ANN401
                note_asked()
                return super().client(**_options)

            async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:  # noqa: ANN401
                await super()._async_launch_kernel(kernel_cmd, **{"stdout": _stderr(), **options})

        manager = {
            "transport_encryption": ENCRYPTED.KernelManager.transport_encryption,
            "connection_file": str(self._connection_file),
        }
        return {"kernel_manager_class": Manager, "config": Config(KernelManager=manager)}

    @property
    def is_starting(self) -> bool:
        """Whether it was asked for and has not answered yet."""
        return bool(self._managers) and not self.is_ready and not self._waits

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

    def discard(self) -> None:
        """End a kernel that was started for nothing, and let go of what Jupyter keeps of it."""
        self.kill()
        for process in self._processes():
            process.wait()
        for manager in self._managers:
            _complete(_let_go(manager))

    def kill_orphans(self) -> None:
        """End what a kernel that died of itself has left: its process group, which POSIX keeps under its number."""
        for group in self._groups:
            with suppress(OSError):  # nobody is left in it
                os.killpg(group, signal.SIGKILL)

    def _processes(self) -> list[Any]:
        provisioners = [manager.provisioner for manager in self._managers]
        found = [getattr(provisioner, "process", None) for provisioner in provisioners]
        return [process for process in found if process is not None]

    def _note_asked(self) -> None:
        self._waits = False

    def _note_ready(self, **_hook: object) -> None:
        self.is_ready = True
        for process in self._processes():
            with suppress(OSError, AttributeError):  # Windows has no process groups of this kind
                if os.getpgid(process.pid) == process.pid:
                    self._groups.add(process.pid)


def _complete(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run it to its end, also where a loop runs already: a notebook, and whatever else calls us, may have one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


async def _let_go(manager: AsyncKernelManager) -> None:
    await manager.cleanup_resources()


def _stderr() -> int:
    """Return where a kernel's own stdout goes, before and beside what its cells print: ours carries one document."""
    try:
        os.fstat(_STDERR)
    except OSError:  # pythonw has none
        return subprocess.DEVNULL
    return _STDERR
