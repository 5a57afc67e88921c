"""Markdown that came out of somebody's document, as HTML that can do nothing."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MAX_CHARACTERS = 20_000
"""More of one page is not shown: nobody reads it in a notebook, and the notebook has to stay small."""

_LEADS_OUTSIDE = ("autolink", "image", "link", "reference")


def to_safe_html(markdown: str) -> str:
    """Render CommonMark and tables; HTML in it is shown as text, links and pictures are not made.

    A picture would be fetched from wherever the document says as soon as the notebook is opened.
    """
    shown = markdown if len(markdown) <= MAX_CHARACTERS else f"{markdown[:MAX_CHARACTERS]}\n\n(shortened)"
    return str(_renderer().render(shown)).strip()


@cache
def _renderer() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # only when there is Markdown to show

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable(_LEADS_OUTSIDE)
