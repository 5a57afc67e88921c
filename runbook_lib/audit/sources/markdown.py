"""The code blocks of a Markdown file, each in its language, and the prose between them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runbook_lib.audit.sources.kinds import Kind, kind_of_fence
from runbook_lib.audit.sources.source import Origin, Source

if TYPE_CHECKING:
    from markdown_it.token import Token


def split_markdown(path: str, text: str) -> Iterator[Source]:
    """Yield one source per fenced block in a known language, then the rest as prose."""
    prose = text.split("\n")
    for token in _tokens(text) if "```" in text or "~~~" in text else ():
        kind = kind_of_fence(token.info.split()[0]) if token.type == "fence" and token.info.strip() else None
        if kind is None or token.map is None or not token.content:
            continue
        first = token.map[0] + 1
        block = token.content.removesuffix("\n")
        last = first + block.count("\n") + 1
        yield Source(path, kind, block, tuple(Origin(at + 1) for at in range(first, last)))
        prose[first:last] = [""] * (last - first)
    yield Source(path, Kind.PROSE, "\n".join(prose))


def _tokens(text: str) -> "list[Token]":
    """Return the blocks of a text; what stands within a paragraph is not looked at."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").disable(["inline", "text_join"]).parse(text)
