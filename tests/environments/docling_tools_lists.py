"""Runs `docling-tools models download NAME ...` with everything that fetches replaced; prints what it asks for."""

import io
import json
import sys
import tempfile

import huggingface_hub

asked: list[tuple[str, str]] = []
fetched: list[str] = []


def snapshot_download(repo_id: str, revision: str | None = None, **_options: object) -> str:
    """Note a repository."""
    asked.append((repo_id, revision or "main"))
    return tempfile.gettempdir()


def download(url: str, **_options: object) -> io.BytesIO:
    """Note a file."""
    fetched.append(url)
    return io.BytesIO(b"")


huggingface_hub.snapshot_download = snapshot_download  # type: ignore[assignment]

from docling.cli.models import app  # noqa: E402
from docling.models.stages.ocr import rapid_ocr_model  # noqa: E402

rapid_ocr_model.download_url_with_progress = download

with tempfile.TemporaryDirectory() as folder:
    app(["download", "--quiet", "-o", folder, *sys.argv[1:]], standalone_mode=False)
sys.stderr.write(json.dumps({"repositories": asked, "files": fetched}))
