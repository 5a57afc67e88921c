"""The executed notebook: what papermill leaves in it, corrected."""

from pathlib import Path

import nbformat

from runbook_lib.core import atomic


def mark_unfinished(output: Path, problem: str) -> str:
    """Write the problem into the executed notebook, which papermill 2.7 leaves saying `completed` after a death.

    Returns the problem; a notebook that cannot be read stays as it is, for the record counts.
    """
    try:
        node = nbformat.read(output, as_version=4)
    except (OSError, ValueError):
        return problem
    node.cells.insert(0, nbformat.v4.new_markdown_cell(f"**This execution did not end well.** {problem}"))
    node.metadata.setdefault("papermill", {})["exception"] = True
    for cell in node.cells:
        papermill = cell.metadata.setdefault("papermill", {})
        if cell.cell_type == "code" and (cell.execution_count is None or papermill.get("status") == "running"):
            papermill |= {"status": "failed", "exception": True}
    atomic.write_text(output, nbformat.writes(node) + "\n")
    return problem
