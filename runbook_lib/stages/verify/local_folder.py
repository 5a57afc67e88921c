"""What huggingface_hub's notes in a folder say it should hold."""

from pathlib import Path

from runbook_lib.cache.local_notes import notes_in
from runbook_lib.stages.verify.expected import Expectation, ExpectedFile


def local_metadata(folder: Path) -> Expectation | None:
    """Return the files that were downloaded to the folder and their hashes, without sizes; None when nothing tells.

    The commit is that of the latest download.
    """
    downloaded = sorted(notes_in(folder), key=lambda note: note.path)
    if not downloaded:
        return None
    latest = max(downloaded, key=lambda note: note.time_s)
    files = tuple(ExpectedFile.of_etag(note.path, note.etag) for note in downloaded)
    return Expectation(latest.commit, files, "the metadata in the folder")
