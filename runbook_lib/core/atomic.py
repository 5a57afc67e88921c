"""Files that are there whole or not at all."""

import contextlib
import os
import time
import uuid
from pathlib import Path

_RETRY_DELAYS_S = (0.05, 0.2, 0.8) if os.name == "nt" else ()


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, making its folder; a reader sees the old file or the new one, never a part.

    When it cannot be written, the folders that were made for it go again.
    The temporary file stands in the target folder, because a rename is atomic only inside one volume, and is closed
    before the rename, because Windows renames no open file.
    """
    new = [folder for folder in path.parents if not os.path.lexists(folder)]
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        for folder in new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _replace(temporary: Path, path: Path) -> None:
    """Rename over the old file; on Windows a reader or a virus scanner may hold it for a moment (WinError 5, 32)."""
    for delay_s in _RETRY_DELAYS_S:
        try:
            temporary.replace(path)
        except PermissionError:
            time.sleep(delay_s)
        else:
            return
    temporary.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with line feeds, as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))
