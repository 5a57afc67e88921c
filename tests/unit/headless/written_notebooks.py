"""Tiny notebooks, written by the tests that run them."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

WriteNotebook = Callable[..., Path]


@pytest.fixture
def write_notebook(tmp_path: Path) -> WriteNotebook:
    """Write a notebook with a parameters cell and the given code cells."""

    def write(stem: str, *cells: str) -> Path:
        parameters = nbformat.v4.new_code_cell('run_dir: str = ""', metadata={"tags": ["parameters"]})
        notebook = nbformat.v4.new_notebook(
            cells=[parameters, *map(nbformat.v4.new_code_cell, cells)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        path = tmp_path / "notebooks" / f"{stem}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, path)
        return path

    return write
