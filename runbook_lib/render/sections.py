"""The kinds of section a record is shown as; values only, no markup."""

import base64
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Note:
    """A few lines of prose under a heading."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """A cell that leads somewhere, as seen from a notebook; plain text shows its words alone."""

    words: str
    target: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Addresses:
    """A cell of web addresses; plain text shows them as they are, and a front end leads to those of http and https."""

    urls: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.urls)


Cell = str | Link | Addresses


@dataclass(frozen=True)
class Table:
    """Rows under column names; every cell is plain text or leads somewhere, and is escaped when shown.

    A column named `status` is shown with its status word emphasised.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = "none"
    """What is said instead of a table without rows."""
    folded: bool = False
    """Whether a front end shows the title alone until it is opened."""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.title!r}: {len(row)} cells for {len(self.columns)} columns")


@dataclass(frozen=True)
class Figure:
    """A PNG picture; `alternative` says in words what it shows and stands in for it in text."""

    title: str
    png: bytes
    alternative: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ANN401, ARG002
        encoded = base64.b64encode(self.png).decode("ascii")
        return {"text/plain": f"[picture] {self.alternative}", "image/png": encoded}


@dataclass(frozen=True)
class Preformatted:
    """Lines whose spaces matter, such as a tree of folders; escaped when shown."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Spread:
    """A picture with Markdown beside it; the Markdown may come from anywhere and is shown without links or HTML."""

    title: str
    figure: Figure
    markdown: str


Section = Note | Table | Figure | Preformatted | Spread
