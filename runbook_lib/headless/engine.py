"""A papermill engine for kernels that were started ahead: `papermill --engine runbook`, and every stage of a run."""

from typing import Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.log import logger
from papermill.utils import merge_kwargs, remove_args

ENGINE_NAME = "runbook"


class KernelAheadEngine(NBClientEngine):  # type: ignore[misc]  # papermill 2.7 has no annotations
    """papermill's own engine, but that `km` may be a kernel manager whose kernel is running already.

    papermill 2.7 hands `km` on to nbclient, which takes a running kernel and then leaves it running; here it ends with
    the notebook, as every other.
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
        return PapermillNotebookClient(nb_man, **merged).execute(cleanup_kc=True)


papermill_engines.register(ENGINE_NAME, KernelAheadEngine)  # also where the entry point was not installed
