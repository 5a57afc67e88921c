"""Where the notebooks of the runbook stand, and how their kernels talk; executes none."""

from pathlib import Path
from typing import Final

import zmq
from traitlets.config import Config

from runbook_lib.errors import UsageError

_PACKAGE = Path(__file__).parent
_SHIPPED = _PACKAGE / "share" / "notebooks"
"""Where a wheel puts them."""
NOTEBOOKS = _SHIPPED if _SHIPPED.is_dir() else _PACKAGE.parent / "notebooks"
EXERCISE_TAG: Final = "exercise"
"""On the cells of the course in which a person answers; headless runs leave them out."""
KERNEL_NAME: Final = "runbook"
"""The kernel of this environment, which `runbook lab` registers in it."""
ENCRYPTED = Config(KernelManager={"transport_encryption": "auto" if zmq.has("curve") else "disabled"})
"""Kernels talk over loopback TCP, which every user of the machine can listen to; ipykernel 7.4 warns of it."""


def find_notebook(stem: str) -> Path:
    """Return the path of a notebook of the runbook; raises `UsageError` where they were not installed."""
    path = NOTEBOOKS / f"{stem}.ipynb"
    if not path.is_file():
        raise UsageError(
            f"The notebook {path.name} is not there.",
            why=f"{NOTEBOOKS} is where it should stand.",
            remedy="Reinstall the runbook: pip install --force-reinstall --no-deps docling-runbook.",
        )
    return path
