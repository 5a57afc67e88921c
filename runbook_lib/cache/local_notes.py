"""What huggingface_hub keeps in a folder it downloads to (`local_dir`), as docling-tools does with artifacts.

Read from huggingface_hub 0.36 to 2.4 (`_local_folder.py`, `_tree_cache.py`), all below `.cache/huggingface`:
`download/<path>.metadata` holds commit, etag and time, a line each; `trees/<commit>.json`, since 1.22, is the Hub's
listing.
The next download believes a note whose time is not before the file's, and looks at neither length nor content.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.cache.etags import is_commit, is_etag
from runbook_lib.cache.walk import walk

HUGGINGFACE = Path(".cache", "huggingface")
_METADATA_SUFFIX = ".metadata"
_METADATA_MAX_BYTES = 4096

_CLOSED: Final = """\
This folder was placed by the Docling model runbook, and its weights are hard links into a Hub cache.

While this file stands here, `hf download --local-dir` and `docling-tools models download -o` refuse this folder
(FileExistsError). Without it they would write the next revision through the links, into the cache, and destroy the
revision that stands there.

To update the models: runbook run. To hand the folder over to those programs: runbook run -p links copy, which turns
the links into copies and removes this file.
"""


@dataclass(frozen=True)
class Note:
    """What huggingface_hub noted of one file it downloaded."""

    path: str
    commit: str
    etag: str
    time_s: float


def notes_in(folder: Path) -> Iterator[Note]:
    """Yield the notes of a folder; lines that are not what huggingface_hub writes are passed over."""
    home = _downloads(folder)
    for name, _ in walk(home):
        if name.endswith(_METADATA_SUFFIX) and (note := note_of(folder, name.removesuffix(_METADATA_SUFFIX))):
            yield note


def note_of(folder: Path, name: str) -> Note | None:
    """Return the note of one file; None when there is none."""
    return _read(_note_path(folder, name), name)


def _read(path: Path, name: str) -> Note | None:
    try:
        if not path.is_file() or path.stat().st_size > _METADATA_MAX_BYTES:
            return None
        commit, etag, time_s, *_ = path.read_text(encoding="utf-8").split()
        return Note(name, commit, etag, float(time_s)) if is_commit(commit) and is_etag(etag) else None
    except (OSError, ValueError):
        return None


def forget(folder: Path, name: str) -> bool:
    """Remove the note of one file, so that the next download looks at the file itself; False when there was none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        _note_path(folder, name).unlink()
        return True
    return False


def _downloads(folder: Path) -> Path:
    return folder / HUGGINGFACE / "download"


def _note_path(folder: Path, name: str) -> Path:
    return _downloads(folder) / f"{name}{_METADATA_SUFFIX}"


def is_written_by_hub(folder: Path) -> bool:
    """Whether huggingface_hub has downloaded to this very folder, and so may do it again."""
    return (folder / HUGGINGFACE).is_dir()


def is_closed(folder: Path) -> bool:
    """Whether `close` shut the folder."""
    return (folder / HUGGINGFACE).is_file()


def close(folder: Path) -> None:
    """Make huggingface_hub refuse to download to this folder, before it touches anything there.

    Every version from 0.36 to 2.4 makes `.cache/huggingface` first, and ends with FileExistsError where that is a file.
    """
    place = folder / HUGGINGFACE
    if place.is_file():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(_CLOSED, encoding="utf-8", newline="\n")


def reopen(folder: Path) -> None:
    """Undo `close`; nothing when the folder is not closed."""
    if is_closed(folder):
        (folder / HUGGINGFACE).unlink()
        with suppress(OSError):  # not empty: something else is kept there
            (folder / HUGGINGFACE).parent.rmdir()
