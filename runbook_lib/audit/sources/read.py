"""Everything there is to audit below a path; files are read, never run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.audit.finding import SkippedFile
from runbook_lib.audit.sources.decode import UndecodableError, decode
from runbook_lib.audit.sources.kinds import Kind, kind_of_shebang
from runbook_lib.audit.sources.markdown import split_markdown
from runbook_lib.audit.sources.notebook import NotebookError, split_notebook
from runbook_lib.audit.sources.source import Source
from runbook_lib.audit.sources.walk import Candidate, walk
from runbook_lib.errors import UsageError


@dataclass(frozen=True)
class Sources:
    """What was read and what was not."""

    sources: tuple[Source, ...]
    files_read: tuple[str, ...]
    files_skipped: tuple[SkippedFile, ...]


def read_sources(root: Path) -> Sources:
    """Read every file below `root` (a folder or a single file) that the rules know something about.

    Raises:
        UsageError: `root` does not exist.
    """
    if not root.exists():
        raise UsageError(f"There is nothing to audit at {root}.", remedy="Name a folder or a file that exists.")
    sources: list[Source] = []
    read: list[str] = []
    skipped: list[SkippedFile] = []
    for found in walk(root):
        if isinstance(found, SkippedFile):
            skipped.append(found)
            continue
        try:
            parts = list(_read_file(found))
        except (OSError, UndecodableError, NotebookError) as error:
            reason = f"errno {error.errno}" if isinstance(error, OSError) else str(error)
            if found.kind is not None:
                skipped.append(SkippedFile(path=found.path, reason=reason))
            continue
        if parts:
            sources.extend(parts)
            read.append(found.path)
    return Sources(tuple(sources), tuple(read), tuple(skipped))


def _read_file(candidate: Candidate) -> Iterator[Source]:
    text = decode(candidate.location.read_bytes())
    kind = candidate.kind or kind_of_shebang(text.partition("\n")[0])
    match kind:
        case None:
            return
        case Kind.NOTEBOOK:
            yield from split_notebook(candidate.path, text)
        case Kind.MARKDOWN:
            yield from split_markdown(candidate.path, text)
        case _:
            yield Source(candidate.path, kind, text)
