"""Everything there is to audit below a path; files are read, never run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.audit.finding import SkippedFile
from runbook_lib.audit.sources.decode import UndecodableError, decode, is_plain
from runbook_lib.audit.sources.kinds import Kind, is_test_path, kind_of_shebang
from runbook_lib.audit.sources.markdown import split_markdown
from runbook_lib.audit.sources.notebook import NotebookError, split_notebook
from runbook_lib.audit.sources.source import Source
from runbook_lib.audit.sources.subject import as_bytes, imports_web_framework, is_worth_parsing
from runbook_lib.audit.sources.walk import Candidate, TooLargeError, walk
from runbook_lib.errors import UsageError

_FEW_FILES = 2000
"""Above that many, a text that is no script and names nothing of the subject is read and not parsed."""


_WHO_ASKS = "DocumentConverter"
"""Only where a converter is made does it matter whether the code serves HTTP, which takes another look at each file."""


@dataclass(frozen=True)
class Sources:
    """What was read and what was not."""

    sources: tuple[Source, ...]
    files_read: tuple[str, ...]
    files_skipped: tuple[SkippedFile, ...]
    serves_http: bool
    """Whether a Python file that is not a test imports a web framework; only asked where docling converts."""


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
    entries = list(walk(root))
    is_large = len(entries) > _FEW_FILES
    for found in entries:
        if isinstance(found, SkippedFile):
            skipped.append(found)
            continue
        try:
            data = found.read()
            kind = found.kind or kind_of_shebang(decode(data).partition("\n")[0])
            if kind is None:
                continue
            sources.extend(_sources_of(found.path, kind, data, only_worth_parsing=is_large))
        except (OSError, UndecodableError, NotebookError, TooLargeError) as error:
            reason = f"errno {error.errno}" if isinstance(error, OSError) else str(error)
            if found.kind is not None:
                skipped.append(SkippedFile(path=found.path, reason=reason))
            continue
        read.append(found.path)
    modules = [one for one in entries if isinstance(one, Candidate) and one.kind is Kind.PYTHON]
    asked = any(_WHO_ASKS in source.text for source in sources)
    return Sources(tuple(sources), tuple(read), tuple(skipped), asked and any(map(_serves_http, modules)))


def _serves_http(candidate: Candidate) -> bool:
    try:
        return not is_test_path(candidate.path) and imports_web_framework(decode(candidate.read()))
    except (OSError, UndecodableError, TooLargeError):
        return False


def _sources_of(path: str, kind: Kind, data: bytes, *, only_worth_parsing: bool) -> Iterator[Source]:
    if only_worth_parsing and is_plain(data) and not is_worth_parsing(path, kind, data):
        return  # most files of a large repository, which are never decoded
    text = decode(data)
    if only_worth_parsing and not is_worth_parsing(path, kind, as_bytes(text)):
        return
    for part in _split(path, kind, text):
        if part.is_whole_file or not only_worth_parsing or is_worth_parsing("", part.kind, as_bytes(part.text)):
            yield part


def _split(path: str, kind: Kind, text: str) -> Iterator[Source]:
    match kind:
        case Kind.NOTEBOOK:
            yield from split_notebook(path, text)
        case Kind.MARKDOWN:
            yield from split_markdown(path, text)
        case _:
            yield Source(path, kind, text)
