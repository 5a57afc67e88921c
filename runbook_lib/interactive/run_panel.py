"""The whole runbook at the press of a button, with the state of every stage as it goes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from runbook_lib.interactive.controls import button, enable, fill, in_background, page, row
from runbook_lib.interactive.settings_form import SettingsForm
from runbook_lib.interactive.view import View
from runbook_lib.render.sections import Link, Note, Section, Table
from runbook_lib.render.values import format_seconds
from runbook_lib.run.check import Check, Status
from runbook_lib.run.folder import REPORT_NAME, STAGES, RunState
from runbook_lib.run.opening import OpenRun
from runbook_lib.workers.process_tree import end_tree

if TYPE_CHECKING:
    from ipywidgets import Box

_LOOK_EVERY_S: Final = 0.5
_ERROR_LINES: Final = 12
_PATIENCE_S: Final = 20.0
"""What a run that is asked to end has to write its record and its report."""


class RunPanel(View):
    """The six stages of a run; `runbook run` does the work, in a process of its own.

    Args:
        run: The run, or the form whose settings hold at the moment the button is pressed.
    """

    def __init__(self, run: OpenRun | SettingsForm) -> None:
        self._form = run if isinstance(run, SettingsForm) else None
        self._run = run.open_run() if isinstance(run, SettingsForm) else run
        self._stop_asked = Event()
        self._began_at: datetime | None = None
        self._patient_until: float | None = None

    def sections(self) -> Sequence[Section]:
        """Return the stages as the run's folder has them."""
        return (self._table(running=False),)

    def build(self) -> "Box":
        """Make the buttons, the stages and a place for the verdict."""
        from ipywidgets import VBox

        self._start = button(
            "Run all six stages", "Run the whole runbook with these settings", self.start, primary=True
        )
        self._stop = button("Stop", "End the run; finished stages keep their records", self.stop)
        enable((self._stop,), enabled=False)
        self._stages, self._verdict = page(*self.sections()), page()
        return VBox((row(self._start, self._stop), self._stages, self._verdict))

    def start(self) -> None:
        """Begin in the background."""
        self._stop_asked.clear()
        self._patient_until = None
        self._began_at = datetime.now(UTC)
        enable((self._start,), enabled=False)
        enable((self._stop,), enabled=True)
        fill(self._verdict)
        in_background(self._execute, self._ended)

    def stop(self) -> None:
        """End the run; the panel tells when it has ended."""
        enable((self._stop,), enabled=False)
        self._stop_asked.set()

    def _execute(self) -> None:
        if self._form is not None:
            self._run = self._form.open_run()
        fill(self._verdict, Note("Running", self._run.words()))
        command = [sys.executable, "-m", "runbook_lib", "run", "--run-dir", str(self._run.folder), "--json"]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            try:
                output, errors = self._watched(process)
            finally:
                end_tree(process.pid)
        if self._stop_asked.is_set():
            self._run.update(state=RunState.INTERRUPTED, problem="stopped on request")
            self._ended(Note("Stopped", ("Finished stages keep their records.",)))
        else:
            self._ended(*_verdict(output, errors))

    def _watched(self, process: "subprocess.Popen[str]") -> tuple[str, str]:
        while True:
            try:
                return process.communicate(timeout=_LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                fill(self._stages, self._table(running=True))
            if self._stop_asked.is_set() and not self._may_still_end(process):
                end_tree(process.pid)

    def _may_still_end(self, process: "subprocess.Popen[str]") -> bool:
        """Ask the run to end, once, and say whether it has time left; Windows knows no asking of this kind."""
        if os.name == "nt":
            return False
        if self._patient_until is None:
            self._patient_until = time.monotonic() + _PATIENCE_S
            process.terminate()
        return time.monotonic() < self._patient_until

    def _ended(self, *sections: Section) -> None:
        fill(self._stages, self._table(running=False))
        fill(self._verdict, *sections)
        enable((self._stop,), enabled=False)
        enable((self._start,), enabled=True)

    def _table(self, *, running: bool) -> Table:
        return Table("Stages", ("status", "stage", "took", "checks"), tuple(self._rows(running=running)))

    def _rows(self, *, running: bool) -> Iterator[tuple[str, ...]]:
        records = {record.stage: record for record in self._run.records() if not self._is_older(record.started_at)}
        for stage in STAGES:
            if record := records.get(stage):
                failed = "; ".join(check.title for check in record.failed())
                said = f"failed: {failed}" if failed else str(len(record.checks))
                yield record.status.value, stage, format_seconds(record.elapsed_s), said
            else:
                yield "running" if running else "-", stage, "", ""
                running = False

    def _is_older(self, started_at: datetime) -> bool:
        """Whether a record is of an earlier execution: the runner replaces them one by one."""
        return self._began_at is not None and started_at < self._began_at


def _verdict(output: str, errors: str) -> tuple[Section, ...]:
    """Return the verdict of the run and its report, or the error that kept it from one."""
    try:
        document = json.loads(output)
    except ValueError:
        return (Note("The run did not start", tuple(errors.splitlines()[-_ERROR_LINES:])),)
    return Note("Verdict", (document["verdict"], *_advice(document))), _report(Path(document["run_dir"]))


def _report(folder: Path) -> Table:
    """Return where the report is: a link where JupyterLab can serve it, which is below the notebook's own folder."""
    path = folder / REPORT_NAME
    below = path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else ""
    return Table("Report", ("file",), ((Link(str(path), quote(below)) if below else str(path),),))


def _advice(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the first check that failed says has to be done; an error that left no record is in the header."""
    checks = (Check.model_validate(check) for stage in document.get("stages", ()) for check in stage["checks"])
    failed = next((check for check in checks if check.status is Status.FAIL), None)
    if failed is not None:
        return failed.advice()
    return tuple(str((document.get("run") or {}).get("problem", "")).splitlines())
