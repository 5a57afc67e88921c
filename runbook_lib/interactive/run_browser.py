"""The runs to look through: the list, one run, and what changed between two; changes nothing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runbook_lib.history.compare import compare, last_good_before
from runbook_lib.history.entry import HistoryEntry
from runbook_lib.history.index import History, read_history
from runbook_lib.history.listing import RunList, Selection, ShownRun, when
from runbook_lib.history.naming import LAST_GOOD, last_good, run_named
from runbook_lib.interactive.controls import button, fill, in_background, page, row
from runbook_lib.interactive.view import View
from runbook_lib.render.sections import Section
from runbook_lib.run.opening import RUNS
from runbook_lib.run.setting_sources import resolve_settings

if TYPE_CHECKING:
    from ipywidgets import Box, Dropdown

_LISTED: Final = 20


class RunBrowser(View):
    """What `runbook history`, `show` and `diff` say of the runs in a folder.

    Args:
        runs: The folder that holds the run folders; empty: the one around `run_dir` where that is set, else runs/.
    """

    def __init__(self, runs: str = "") -> None:
        self._home = Path(runs).absolute() if runs else _home_of_settings()
        self.history: History = read_history(self._home)

    def sections(self) -> Sequence[Section]:
        """Return the newest runs, and what changed since it last worked when the newest one failed."""
        return (*self._listed(Selection(limit=_LISTED)).sections(), *self._since_it_worked())

    def build(self) -> "Box":
        """Make the filter, the list, a choice of one run and of another one before it, and a place for the answer."""
        from ipywidgets import Checkbox, Dropdown, Layout, Text, VBox

        wide = Layout(width="100%", max_width="60em")
        self._words = Text(description="filter", placeholder="part of a name, a machine or an outcome", layout=wide)
        self._failed = Checkbox(False, description="only failed runs", indent=False, layout=Layout(width="max-content"))
        self._run = Dropdown(description="run", layout=wide)
        self._before = Dropdown(description="before", layout=wide)
        self._buttons = row(
            button("Show this run", "How it ended, its stages, versions, variables, revisions and sizes", self._show),
            button("What changed", "Compare the run with the one before", self._compare),
        )
        self._list, self._choice, self._answer = page(), VBox(), page()
        for control in (self._words, self._failed):
            control.observe(lambda _change: self._fill(), "value")
        self._fill()
        again = button("Look again", "Read the history again", self._again)
        return VBox((row(self._words, self._failed, again), self._list, self._choice, self._answer))

    def _fill(self) -> None:
        """Show the list as the filter has it, and the choice, where there is one."""
        chosen = self._listed(Selection(failed=self._failed.value, words=self._words.value, limit=_LISTED))
        fill(self._list, *chosen.sections())
        _offer(self._run, [(_label(entry), entry.id) for entry in chosen.runs])
        earlier = [(_label(entry), entry.id) for entry in self._listed(Selection()).runs]
        _offer(self._before, [("the last one before it that worked", LAST_GOOD), *earlier])
        self._choice.children = (self._run, self._before, self._buttons) if chosen.runs else ()

    def _listed(self, selection: Selection) -> RunList:
        return RunList(self.history, selection, datetime.now(UTC))

    def _since_it_worked(self) -> Iterator[Section]:
        *_, newest = (None, *self.history.entries)
        good = last_good_before(self.history.entries, newest) if newest and not newest.worked else None
        if newest and good:
            yield compare(good, newest).table()

    def _again(self) -> None:
        in_background(self._read, self._say)

    def _read(self) -> None:
        self.history = read_history(self._home)
        self._fill()

    def _show(self) -> None:
        self._say(*ShownRun(run_named(self.history, self._run.value)).sections())

    def _compare(self) -> None:
        in_background(self._compared, self._say)

    def _compared(self) -> None:
        after, named = run_named(self.history, self._run.value), self._before.value
        before = last_good(self.history, after) if named == LAST_GOOD else run_named(self.history, named)
        self._say(*compare(before, after).sections())

    def _say(self, *sections: Section) -> None:
        fill(self._answer, *sections)


def _home_of_settings() -> Path:
    named = resolve_settings({}).values.run_dir
    return (Path(named).parent if named else RUNS).absolute()


def _label(entry: HistoryEntry) -> str:
    return f"{entry.status}  {when(entry.began_at)}  {entry.id}  ({entry.outcome})"


def _offer(choice: "Dropdown", options: Sequence[tuple[str, str]]) -> None:
    """Offer other values; the one that is chosen stays where it is still there, else it is the first."""
    values, chosen = [value for _, value in options], choice.value
    choice.options = options
    choice.value = chosen if chosen in values else next(iter(values), None)
