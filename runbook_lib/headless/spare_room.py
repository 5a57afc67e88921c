"""Room for the last words of a run: a file that is given up before the header says how the run ended."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_NAME: Final = ".spare"
_SIZE_BYTES: Final = 256 * 1024
"""The header is two kilobytes; a report without pictures, twenty."""


@contextmanager
def spare_room(folder: Path) -> Iterator[None]:
    """Keep some room of the volume until the end of the block, so that a disk that fills up can be told of."""
    path = folder / _NAME
    with suppress(OSError):  # no room from the start: the run finds out soon enough
        path.write_bytes(os.urandom(_SIZE_BYTES))  # what compresses well would keep nothing on some file systems
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
