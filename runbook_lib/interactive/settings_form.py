"""The settings of a run as a form: checked by `Settings` itself while one types, with the origin of every value."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, get_args

from runbook_lib.errors import RunbookError, SettingsError
from runbook_lib.interactive.controls import button
from runbook_lib.interactive.view import View
from runbook_lib.render.sections import Section
from runbook_lib.run.opening import BINDING, OpenRun, open_chosen
from runbook_lib.run.setting_sources import FORM, ResolvedSettings, resolve_settings
from runbook_lib.run.settings import Settings

if TYPE_CHECKING:
    from ipywidgets import Box, ValueWidget

_GIVEN = frozenset({"parameter", FORM})
"""Origins that have to be named again; environment, file and default speak for themselves."""


class SettingsForm(View):
    """The settings of a run, to be changed for another; nothing is opened before they are used."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        self._before = run.settings.model_dump(mode="json")
        self._fields: dict[str, ValueWidget] = {}
        self._used: tuple[dict[str, object], OpenRun] | None = None

    def sections(self) -> Sequence[Section]:
        """Return the run's own report."""
        return self._run.sections()

    def parameters(self) -> dict[str, object]:
        """Return the run's settings as they were given, with what the form changed.

        Names the run's folder only while that run can be continued. Raises `SettingsError` for a value that cannot be
        used.
        """
        edits = self._edits()
        values = self._resolved(edits).values.model_dump(mode="json")
        given = {name for name, origin in self._run.header().origins.items() if origin in _GIVEN} | edits.keys()
        if edits.keys() & set(BINDING) and "run_dir" not in edits:
            given.discard("run_dir")
        return {name: values[name] for name in values if name in given}

    def open_run(self) -> OpenRun:
        """Open the run that the form asks for now: this one while nothing is changed, else another.

        The next notebooks take these settings over. Raises as `runbook_lib.run.opening.open_run` does.
        """
        if not self._edits():
            return self._run
        asked = self.parameters()
        if self._used is None or self._used[0] != asked:
            self._used = asked, open_chosen(asked)
        return self._used[1]

    def build(self) -> "Box":
        """Make a field a setting, a button that puts them in force, and a line that sums up."""
        from ipywidgets import HTML, GridBox, Layout, VBox

        self._notes = {name: HTML() for name in Settings.model_fields}
        self._fields = {name: self._field(name) for name in Settings.model_fields}
        self._summary = HTML()
        cells = [cell for name in Settings.model_fields for cell in (self._fields[name], self._notes[name])]
        grid = GridBox(cells, layout=Layout(grid_template_columns="minmax(20em, 30em) 1fr", grid_gap="0 1em"))
        self._check_all()
        use = button("Use these settings", "Open a run with them; the next notebooks take them over", self.use)
        return VBox((grid, self._summary, use))

    def use(self) -> None:
        """Put the settings in force, and say where."""
        try:
            run = self.open_run()
        except RunbookError as error:
            self._summary.value = f'<p role="alert">{"<br>".join(map(escape, error.lines()))}</p>'
            return
        words = (*run.words(), "The next notebooks take these settings over.")
        self._summary.value = f'<p role="status">{"<br>".join(map(escape, words))}</p>'

    def _field(self, name: str) -> "ValueWidget":
        from ipywidgets import Checkbox, Dropdown, Layout, Text

        value, kind = self._before[name], Settings.model_fields[name].annotation
        common: dict[str, Any] = {
            "description": name,
            "tooltip": Settings.model_fields[name].description,
            "style": {"description_width": "9em"},
            "layout": Layout(width="auto"),
        }
        if kind is bool:
            made = Checkbox(value, **common)
        elif choices := get_args(kind):
            made = Dropdown(options=choices, value=value, **common)
        else:
            made = Text(str(value), continuous_update=True, **common)
        made.observe(lambda _change: self._check_all(), "value")
        return made

    def _edits(self) -> dict[str, object]:
        return {
            name: field.value for name, field in self._fields.items() if str(field.value) != str(self._before[name])
        }

    def _resolved(self, edits: dict[str, object]) -> ResolvedSettings:
        return resolve_settings(edits, run=self._before, explicit=FORM)

    def _check_all(self) -> None:
        if self._fields.keys() != self._notes.keys():  # while the form is being made
            return
        edits = self._edits()
        problems = {name: problem for name, value in edits.items() if (problem := self._problem(name, value))}
        for name, note in self._notes.items():
            origin = "this form" if name in edits else self._run.resolved.origins[name]
            note.value = _note_html(name, origin, problems.get(name, ""))
        self._summary.value = _summary_html(tuple(edits), tuple(problems))

    def _problem(self, name: str, value: object) -> str:
        """Return why a value cannot be used; empty when it can."""
        try:
            self._resolved({name: value})
        except SettingsError as error:
            return error.why
        return ""


def _note_html(name: str, origin: str, problem: str) -> str:
    if problem:
        return f'<span role="alert"><strong>Cannot be used:</strong> {escape(problem)}</span>'
    described = Settings.model_fields[name].description or ""
    return f"from <strong>{escape(origin)}</strong>; {escape(described)}"


def _summary_html(edits: tuple[str, ...], problems: tuple[str, ...]) -> str:
    if problems:
        words = f"<strong>Not usable yet:</strong> {escape(', '.join(problems))}."
    elif edits:
        words = f"<strong>Changed here:</strong> {escape(', '.join(edits))}. The buttons below use it."
    else:
        words = "Nothing is changed."
    return f'<p role="status">{words}</p>'
