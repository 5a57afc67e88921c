"""What goes on in a run as events, one JSON object each: `runbook run --events` writes them to stderr."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.headless.summary import RunSummary, StageOutcome
from runbook_lib.run.folder import Run

_log = logging.getLogger(__name__)

PROGRESS_NAME: Final = "progress.json"
"""In the folder of what lives no longer than the run."""


@dataclass(frozen=True)
class StageStarted:
    """Told before a stage's notebook is executed."""

    stage: str
    progress_file: Path
    """Where the stage says how far it is, while there is something to say."""


Listener = Callable[[StageStarted | StageOutcome], None]


def run_began(run: Run, stages: tuple[str, ...]) -> None:
    """Tell that the stages are about to run."""
    _tell("run_began", run.folder.name, {"run_dir": str(run.folder), "stages": list(stages)})


def run_ended(run: Run, summary: RunSummary) -> None:
    """Tell how the run ended; the last event of a run."""
    how = {"status": summary.status.value, "exit_code": int(summary.exit_code), "verdict": summary.verdict()}
    _tell("run_ended", run.folder.name, how, finished=True)


def heard(run: Run, listener: Listener) -> Listener:
    """Return a listener that tells of every stage and then hands on to the one given."""

    def listen(event: StageStarted | StageOutcome) -> None:
        operation = f"{run.folder.name}/{event.stage}"
        if isinstance(event, StageOutcome):
            _tell("stage_ended", operation, _outcome(event), finished=True)
        else:
            _tell("stage_began", operation, {"stage": event.stage})
        listener(event)

    return listen


def _outcome(ended: StageOutcome) -> dict[str, object]:
    return {
        "stage": ended.stage,
        "status": ended.status.value,
        "elapsed_s": round(ended.elapsed_s, 3),
        "said": ended.said,
    }


def _tell(kind: str, operation: str, fields: Mapping[str, object], *, finished: bool = False) -> None:
    """Log the event; `id` names the operation, and `finished` is true in the last event of one."""
    event = {"event": kind, "id": operation, "finished": finished, **fields}
    _log.info("%s %s", kind, operation, extra={"event": event})
