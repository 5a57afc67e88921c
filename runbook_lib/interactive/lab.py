"""JupyterLab made ready: the kernel of this environment, the notebooks in place or copied, this machine only."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import nbformat

from runbook_lib.core import atomic
from runbook_lib.errors import DiskError
from runbook_lib.notebooks import ENCRYPTED, KERNEL_NAME, NOTEBOOKS, find_notebook
from runbook_lib.system.filesystem import describe_os_error, refusals_told

_TITLE: Final = "Docling model runbook"
_FIRST: Final = "00_start_here"
_DEFAULTS: Final = Path(__file__).parent / "jupyter_config"
"""Defaults below the user's settings: no question about news, which JupyterLab 4.6 asks even without a `news_url`."""


def register_kernel() -> bool:
    """Register the kernel `runbook` in this environment, and nowhere else; False when it stands there already.

    A kernel whose interpreter is another one (an environment that was copied or moved) is replaced.
    """
    if _registered_interpreter() == sys.executable:
        return False
    from ipykernel.kernelspec import install

    try:
        install(kernel_name=KERNEL_NAME, display_name=_TITLE, prefix=sys.prefix)
    except OSError as error:
        raise DiskError(
            f"The kernel {KERNEL_NAME} cannot be registered in {sys.prefix}.",
            why=describe_os_error(error),
            remedy="Install the runbook into an environment of your own: python -m venv .venv",
        ) from error
    return True


def _registered_interpreter() -> str:
    path = Path(sys.prefix, "share", "jupyter", "kernels", KERNEL_NAME, "kernel.json")
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["argv"][0])
    except (OSError, ValueError, KeyError, IndexError):
        return ""


def copy_notebooks(workspace: Path) -> tuple[int, int]:
    """Copy the notebooks into `workspace/notebooks`, set to the kernel `runbook`; those that stand there are kept.

    The documentation comes to stand beside them, as in the repository, so that their links lead there. Returns how many
    notebooks were copied and how many were kept.
    """
    copied = kept = 0
    with refusals_told(f"The documentation cannot be copied to {workspace}.", "Name another: --workspace DIR."):
        for source in sorted(path for path in (NOTEBOOKS.parent / "docs").rglob("*") if path.is_file()):
            target = workspace / source.relative_to(NOTEBOOKS.parent)
            atomic.write_bytes(target, source.read_bytes())  # copytree's error is a list, which no one can read
    for source in sorted(find_notebook(_FIRST).parent.glob("[0-9][0-9]_*.ipynb")):
        target = workspace / NOTEBOOKS.name / source.name
        if target.exists():
            kept += 1
            continue
        notebook = nbformat.read(source, as_version=4)
        notebook.metadata["kernelspec"] = {"name": KERNEL_NAME, "display_name": _TITLE, "language": "python"}
        with refusals_told(f"The notebooks cannot be copied to {workspace}.", "Name another: --workspace DIR."):
            atomic.write_text(target, nbformat.writes(notebook) + "\n")
        copied += 1
    return copied, kept


def open_lab(workspace: Path | None, *, port: int, browser: bool) -> None:
    """Serve JupyterLab at the first notebook until interrupted; without a workspace on the notebooks in place.

    Listens on the loopback interface alone and keeps Jupyter's token. This process becomes the server.
    """
    os.environ["JUPYTER_PREFER_ENV_PATH"] = (
        "1"  # a kernel `python3` of the user must not stand before the environment's
    )
    path = os.environ.get("JUPYTER_CONFIG_PATH", "")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, (str(_DEFAULTS), path)))
    root = workspace or find_notebook(_FIRST).parent.parent
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]  # jupyterlab comes without types

    LabApp.launch_instance(argv=list(_arguments(root.absolute(), port, browser)))


def _arguments(root: Path, port: int, browser: bool) -> Iterator[str]:
    """Yield the server's arguments, which stand above what a configuration file of the user says."""
    yield "--ServerApp.ip=127.0.0.1"
    yield f"--ServerApp.port={port}"
    yield f"--ServerApp.root_dir={root}"
    yield f"--LabApp.default_url=/lab/tree/{NOTEBOOKS.name}/{_FIRST}.ipynb"
    yield f"--KernelManager.transport_encryption={ENCRYPTED.KernelManager.transport_encryption}"
    yield "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"
    yield "--LabApp.news_url=None"
    yield "--LabApp.extension_manager=readonly"
    yield "--allow-root"  # in a container; on loopback and with a token that opens no more than the shell it came from
    if not browser:
        yield "--no-browser"
