"""The code blocks of a Markdown file, each in its language, and the prose between them."""

from collections.abc import Iterator

from runbook_lib.audit.sources.kinds import Kind, kind_of_fence
from runbook_lib.audit.sources.source import Origin, Source


def split_markdown(path: str, text: str) -> Iterator[Source]:
    """Yield one source per fenced block in a known language, then the rest as prose."""
    from markdown_it import MarkdownIt

    prose = text.split("\n")
    for token in MarkdownIt("commonmark").parse(text):
        kind = kind_of_fence(token.info.split()[0]) if token.type == "fence" and token.info.strip() else None
        if kind is None or token.map is None or not token.content:
            continue
        first = token.map[0] + 1
        block = token.content.removesuffix("\n")
        last = first + block.count("\n") + 1
        yield Source(path, kind, block, tuple(Origin(at + 1) for at in range(first, last)))
        prose[first:last] = [""] * (last - first)
    yield Source(path, Kind.PROSE, "\n".join(prose))
