"""What the views are made of: buttons with words, rendered sections, and work that does not block the kernel."""

from collections.abc import Callable, Iterable
from threading import Thread
from typing import TYPE_CHECKING

from runbook_lib.errors import RunbookError
from runbook_lib.render.html import to_html
from runbook_lib.render.sections import Note, Section
from runbook_lib.system.progress import progress_shown_elsewhere

if TYPE_CHECKING:
    from ipywidgets import HTML, Button, HBox

_LAB_CLASSES = "jp-RenderedHTMLCommon jp-RenderedMarkdown"
"""JupyterLab 4 styles tables and headings under these, in its light and its dark theme; others ignore them."""


def button(label: str, tooltip: str, act: Callable[[], None], *, primary: bool = False) -> "Button":
    """Return a button that says in words what it does."""
    from ipywidgets import Button, Layout

    made = Button(
        description=label,
        tooltip=tooltip,
        button_style="primary" if primary else "",
        layout=Layout(width="max-content"),
    )
    made.on_click(lambda _button: act())
    return made


def row(*controls: object) -> "HBox":
    """Return controls beside each other, wrapping where the page is narrow."""
    from ipywidgets import HBox, Layout

    return HBox(controls, layout=Layout(flex_flow="row wrap", align_items="center"))


def page(*sections: Section) -> "HTML":
    """Return a place for rendered sections, whose changes a screen reader tells; `fill` changes them."""
    from ipywidgets import HTML

    place = HTML()
    fill(place, *sections)
    return place


def fill(place: "HTML", *sections: Section) -> None:
    """Show other sections; none empties the place."""
    place.value = f'<div role="status">{markup(to_html(sections))}</div>' if sections else ""


def markup(html: str) -> str:
    """Wrap HTML that is escaped already so that JupyterLab styles it, tables at the left.

    Links in a widget are the browser's, not JupyterLab's: they open a tab of their own, and the notebook stays.
    """
    at_the_left = html.replace("<table>", '<table style="margin-left: 0">')
    at_the_left = at_the_left.replace("<a href=", '<a target="_blank" rel="noopener" href=')
    return f'<div class="{_LAB_CLASSES}">{at_the_left}</div>'


def in_background(work: Callable[[], None], failed: Callable[[Note], None]) -> Thread:
    """Do the work in a thread, so that the kernel goes on answering; what it raises is shown, never lost."""

    def guarded() -> None:
        try:
            with progress_shown_elsewhere():
                work()
        except RunbookError as error:
            failed(Note("This did not work", tuple(error.lines())))
        except Exception as error:  # noqa: BLE001 - nobody above a thread could show it
            failed(Note("This did not work", (f"{type(error).__name__}: {error}",)))

    thread = Thread(target=guarded, name="runbook-view", daemon=True)
    thread.start()
    return thread


def enable(controls: "Iterable[Button]", *, enabled: bool) -> None:
    """Let buttons be pressed, or not."""
    for control in controls:
        control.disabled = not enabled
