"""The code blocks of a Markdown file, each in its language, and the prose between them."""

import re
import textwrap
from collections.abc import Iterator

from runbook_lib.audit.sources.kinds import Kind, kind_of_fence
from runbook_lib.audit.sources.source import Origin, Source

_FENCE = re.compile(r"\s{0,12}(?P<marks>`{3,}|~{3,})\s*(?P<language>[\w+-]*)")


def split_markdown(path: str, text: str) -> Iterator[Source]:
    """Yield one source per code block in a known language, then the rest as prose."""
    prose = text.split("\n")
    opened: tuple[str, Kind | None, int] | None = None
    for index, line in enumerate(text.split("\n")):
        fence = _FENCE.match(line)
        if opened is None:
            if fence:
                opened = fence["marks"], kind_of_fence(fence["language"]), index + 1
            continue
        marks, kind, first = opened
        if fence and fence["marks"].startswith(marks) and line.strip() == fence["marks"]:
            opened = None
            if kind is not None and index > first:
                block = textwrap.dedent("\n".join(prose[first:index]))
                yield Source(path, kind, block, tuple(Origin(at + 1) for at in range(first, index)))
                prose[first:index] = [""] * (index - first)
    yield Source(path, Kind.PROSE, "\n".join(prose))
