"""The checks of a stage: filter by status, evidence on click, and a button that fixes what can safely be fixed."""

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import runbook_lib
from runbook_lib.checks.doctor import examine
from runbook_lib.interactive.controls import button, in_background, markup, row
from runbook_lib.interactive.fixing import fix_for
from runbook_lib.interactive.view import View
from runbook_lib.interactive.work_area import Action, WorkArea
from runbook_lib.render.html import to_html
from runbook_lib.render.sections import Section, Table
from runbook_lib.render.values import fix_cell, quirk_cell
from runbook_lib.run.check import Check, Status
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord

if TYPE_CHECKING:
    from ipywidgets import Box

_ALL = ""


class CheckList(View):
    """The checks of a stage record; after fixing, the stage is run again and its record saved."""

    def __init__(self, run: OpenRun, record: StageRecord[Any]) -> None:
        self.run = run
        self.record = record

    def sections(self) -> Sequence[Section]:
        """Return the record's own report."""
        return self.record.sections()

    def build(self) -> "Box":
        """Make filter, rows and work area."""
        from ipywidgets import HTML, ToggleButtons, VBox

        self._filter = ToggleButtons(
            tooltips=["Show checks of this status alone"], style={"button_width": "max-content"}
        )
        self._filter.observe(lambda _change: self._fill(), "value")
        self._heading, self._rows = HTML(), VBox()
        self._area = WorkArea(after=self._check_again)
        again = button("Check again", f"Run stage {self.record.stage} again; changes no model", self._again)
        self._refresh()
        return VBox((self._heading, row(self._filter, again), self._rows, self._area.widget))

    def _again(self) -> None:
        self._heading.value = markup(f"<h4>Stage {escape(self.record.stage)}: looking again ...</h4>")
        in_background(self._check_again, self._area.say)

    def _check_again(self) -> None:
        self.record = _made_again(self.run, self.record.stage)
        self._refresh()

    def _refresh(self) -> None:
        self._heading.value = markup(to_html(self.record.sections()[:1]))
        counts = {status: sum(check.status is status for check in self.record.checks) for status in reversed(Status)}
        shown = [(f"{status} ({count})", status.value) for status, count in counts.items() if count]
        kept = self._filter.value
        self._filter.options = [(f"all ({len(self.record.checks)})", _ALL), *shown]
        self._filter.value = kept if kept in dict(shown).values() else _ALL
        self._fill()

    def _fill(self) -> None:
        wanted = self._filter.value
        worst_first = sorted(self.record.checks, key=lambda check: list(reversed(Status)).index(check.status))
        self._rows.children = tuple(self._row(check) for check in worst_first if wanted in (_ALL, check.status))

    def _row(self, check: Check) -> "Box":
        from ipywidgets import HTML

        action = fix_for(self.run, self.record.stage, check)
        return row(HTML(_details(check)), *(() if action is None else (self._fix(check, action),)))

    def _fix(self, check: Check, action: Action[Any]) -> object:
        tooltip = f"Show what would be done about: {check.title}"
        return button("Fix ...", tooltip, lambda: self._area.propose(action))


def _made_again(run: OpenRun, stage: str) -> StageRecord[Any]:
    if stage == "doctor":
        return examine(run.settings)
    again: Callable[[OpenRun], StageRecord[Any]] = getattr(runbook_lib, stage)
    return again(run)


def _details(check: Check) -> str:
    """Return a check as a line that opens, and is open when it failed: status and title, then what was seen."""
    rows = (
        ("evidence", check.evidence),
        ("what to do", check.remedy),
        ("fixed by", fix_cell(check.fixed_by)),
        ("known as", quirk_cell(check.quirk)),
    )
    table = Table(check.id, ("", "seen"), tuple(entry for entry in rows if entry[1]))
    summary = f"<strong>{escape(check.status)}</strong> {escape(check.title)}"
    opened = " open" if check.status is Status.FAIL else ""
    return markup(f"<details{opened}><summary>{summary}</summary>{to_html((table,))}</details>")
