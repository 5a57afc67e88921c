"""A papermill engine whose kernel may go on: `papermill --engine runbook`, and every stage of a run."""

from typing import Any, Final

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.log import logger
from papermill.utils import merge_kwargs, remove_args

ENGINE_NAME = "runbook"
_EMPTY: Final = "get_ipython().reset(new_session=True)"
"""IPython's own `%reset -f`: no name, history or count of the notebook before is left."""


class _Client(PapermillNotebookClient):  # type: ignore[misc]  # papermill 2.7 has no annotations
    """Executes a notebook in a kernel that may have executed others."""

    def papermill_execute_cells(self) -> None:
        """Execute the cells; in a kernel that was handed over, in an empty namespace."""
        if not self.owns_km:
            reply = self.wait_for_reply(self.kc.execute(_EMPTY, silent=True, store_history=False))
            if reply is None or reply["content"]["status"] != "ok":
                raise RuntimeError("The kernel could not be emptied of what the notebook before has left.")
        super().papermill_execute_cells()


class KernelGoesOnEngine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine, but that the kernel of `km` goes on after the notebook, for whoever gave it.

    papermill 2.7 hands `km` on to nbclient, which then leaves the kernel running, and the client's sockets open, too.
    """

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,  # noqa: ANN401 - papermill's NotebookExecutionManager
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,  # noqa: ANN401
        stderr_file: Any = None,  # noqa: ANN401
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        **_options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - a notebook node
        """Execute a notebook; what nbclient takes beyond the named ones is handed on to it."""
        given = remove_args(["input_path", "timeout", "startup_timeout"], **_options)
        merged = merge_kwargs(
            given,
            timeout=execution_timeout or _options.get("timeout"),
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            log=logger,
            log_output=log_output,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
        )
        client = _Client(nb_man, **merged)
        try:
            return client.execute()
        finally:
            if client.kc is not None:
                client.kc.stop_channels()


papermill_engines.register(ENGINE_NAME, KernelGoesOnEngine)  # also where the entry point was not installed
