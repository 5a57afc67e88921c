"""Everything there is to audit below a path; files are read, never run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.audit.finding import SkippedFile
from runbook_lib.audit.sources.decode import UndecodableError, decode
from runbook_lib.audit.sources.kinds import Kind, is_test_path, kind_of_shebang
from runbook_lib.audit.sources.markdown import split_markdown
from runbook_lib.audit.sources.notebook import NotebookError, split_notebook
from runbook_lib.audit.sources.source import Source
from runbook_lib.audit.sources.subject import imports_web_framework, is_worth_parsing
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
            kind, text = _text_of(found)
            if kind is None:
                continue
            if not is_large or is_worth_parsing(found.path, kind, text):
                parts = _split(found.path, kind, text)
                sources.extend(
                    one
                    for one in parts
                    if one.is_whole_file or not is_large or is_worth_parsing("", one.kind, one.text)
                )
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


def _text_of(candidate: Candidate) -> tuple[Kind | None, str]:
    text = decode(candidate.read())
    return candidate.kind or kind_of_shebang(text.partition("\n")[0]), text


def _split(path: str, kind: Kind, text: str) -> Iterator[Source]:
    match kind:
        case Kind.NOTEBOOK:
            yield from split_notebook(path, text)
        case Kind.MARKDOWN:
            yield from split_markdown(path, text)
        case _:
            yield Source(path, kind, text)
