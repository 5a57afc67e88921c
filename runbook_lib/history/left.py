"""What a run left that a diagnosis can read: errors of cells, failed checks, its problem and its log."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from runbook_lib.core.log import LOG_NAME
from runbook_lib.errors import RecordError, UsageError
from runbook_lib.run.folder import STAGES, Run, runs_below, stage_file_stem

_MOST_BYTES: Final = 4_000_000
"""Of the end of a log; a run that is repeated appends to it."""


def newest_run(home: Path) -> Run:
    """Return the newest run in a folder of runs; raises `UsageError` when there is none."""
    run = next(runs_below(home), None)
    if run is None:
        raise UsageError(
            f"There is no run in {home}.", remedy="Go to the folder of runs/, or name a log: runbook diagnose FILE."
        )
    return run


def left_by(run: Run) -> str:
    """Return the words a run left, the most telling first; what cannot be read is left out."""
    return "\n".join((*_said_at_the_end(run), *_errors_of_cells(run), _end_of(run.folder / LOG_NAME)))


def _said_at_the_end(run: Run) -> Iterator[str]:
    try:
        yield run.header().problem
        for record in run.records():
            for check in record.failed():
                yield f"{check.title} ({check.id})"
                yield check.evidence
    except RecordError as error:
        yield str(error)


def _errors_of_cells(run: Run) -> Iterator[str]:
    for stage in STAGES:
        for output in _outputs(run.folder / f"{stage_file_stem(stage)}.ipynb"):
            if output.get("output_type") == "error":
                yield "\n".join(map(str, output.get("traceback", ())))
                yield f"{output.get('ename', '')}: {output.get('evalue', '')}"
            elif output.get("name") == "stderr":
                yield "".join(map(str, output.get("text", ())))


def _outputs(notebook: Path) -> Iterator[dict[str, Any]]:
    try:
        cells = json.loads(notebook.read_bytes())["cells"]
        yield from (output for cell in cells for output in cell.get("outputs", ()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # cut off, or nobody's notebook
        return


def _end_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - _MOST_BYTES, 0))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
