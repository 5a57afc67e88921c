"""A box to paste an error into."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runbook_lib.interactive.controls import button, fill, in_background, page, row
from runbook_lib.interactive.view import View
from runbook_lib.quirks.diagnosis import Diagnosis, diagnose_given
from runbook_lib.render.sections import Note, Section

if TYPE_CHECKING:
    from ipywidgets import Box


class DiagnoseBox(View):
    """A message or a log, and what it means.

    Args:
        error: The message that stands in the box at first.
        log: Path of a log file; comes before the message.
    """

    def __init__(self, *, error: str = "", log: str = "") -> None:
        self._error = error
        self.diagnosis: Diagnosis = diagnose_given(error=error, log=log)

    def sections(self) -> Sequence[Section]:
        """Return the diagnosis."""
        return self.diagnosis.sections()

    def build(self) -> "Box":
        """Make the box, a button and a place for the diagnosis."""
        from ipywidgets import HTML, Layout, Textarea, VBox

        title = HTML("<strong>Message or traceback</strong>, as it is in the log; leave tokens out")
        self._text = Textarea(
            self._error,
            placeholder="Paste it here, whole, from the first 'Traceback' to the last line",
            rows=8,
            layout=Layout(width="100%", height="auto"),
            tooltip="Message or traceback to diagnose",
        )
        self._page = page(*self.sections())
        diagnose = button("Diagnose", "Name what is known in the pasted text", self._diagnose, primary=True)
        clear = button("Clear", "Empty the box", self._clear)
        return VBox((title, self._text, row(diagnose, clear), self._page))

    def _diagnose(self) -> None:
        fill(self._page, Note("Reading ...", ()))
        in_background(self._read, lambda note: fill(self._page, note))

    def _read(self) -> None:
        self.diagnosis = diagnose_given(error=self._text.value)
        fill(self._page, *self.diagnosis.sections())

    def _clear(self) -> None:
        self._text.value = ""
        fill(self._page)
