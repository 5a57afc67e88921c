"""The mixin that lets a value show itself in a terminal and in a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.render.html import to_html
from runbook_lib.render.sections import Section
from runbook_lib.render.text import to_text


class Rendered:
    """Gives `__str__` and the notebook's MIME bundle to a class that implements `sections()`."""

    def sections(self) -> Sequence[Section]:
        """Return what is worth seeing, in reading order."""
        raise NotImplementedError

    def brief(self) -> Sequence[Section]:
        """Return what a person at a terminal needs to see at first; the whole where nothing can be left out."""
        return self.sections()

    def __str__(self) -> str:
        return to_text(self.sections())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ANN401, ARG002
        sections = self.sections()
        return {"text/plain": to_text(sections), "text/html": to_html(sections)}


@dataclass(frozen=True)
class Shown(Rendered):
    """Sections on their own, for a notebook cell that shows a part of a record."""

    shown: tuple[Section, ...]

    def sections(self) -> Sequence[Section]:
        """Return the sections."""
        return self.shown


def show(*sections: Section) -> Shown:
    """Return sections as something a notebook cell can end with."""
    return Shown(sections)
