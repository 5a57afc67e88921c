"""Converts one document at a time with a pipeline that was loaded and proved before.

docling is imported where it is used: it brings huggingface_hub, which has to find the runbook's variables set.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import HTTPException

from docling_service.problems import busy
from docling_service.settings import Settings
from runbook_lib.errors import RunbookError
from runbook_lib.practice.sample import sample_document, scanned_page

if TYPE_CHECKING:
    from docling.datamodel.document import ConversionResult
    from docling.document_converter import DocumentConverter
    from fastapi import UploadFile

_LOG = logging.getLogger(__name__)
SUFFIXES = frozenset({".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
"""What the models are for. docling takes more; each type more is more of its code that reads what strangers send."""
_STUCK_AFTER = 2
"""Times the limit of a conversion: docling ends one between two pages, and never ended a page that hangs."""
_ENDED_EARLY = "pipeline terminated early"
"""docling 2.143 says so, rarely, of a document that is well: its last queue is filled and closed between two looks."""


@dataclass(frozen=True)
class Converted:
    """A document as Markdown."""

    pages: int
    markdown: str
    elapsed_s: float


class DocumentProcessor:
    """One document at a time: docling uses all cores for one, and PDFium is no friend of threads."""

    def __init__(self, converter: "DocumentConverter", settings: Settings) -> None:
        self._converter = converter
        self._settings = settings
        self._turn = asyncio.Semaphore(1)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="docling")
        self._hard_limit_s = _STUCK_AFTER * settings.conversion_limit_s
        self._began_at: float | None = None

    @property
    def is_stuck(self) -> bool:
        """Whether a conversion has run for so long that only a restart ends it."""
        began_at = self._began_at
        return began_at is not None and time.monotonic() - began_at > self._hard_limit_s

    def prove(self) -> None:
        """Convert a document and a scan, which also loads what docling loads late. Raises `RunbookError`."""
        for path in (sample_document(), scanned_page()):
            result = self._converter.convert(path, raises_on_error=False)
            if not _is_whole(result):
                raise RunbookError(
                    f"docling cannot convert {path.name}, so this service would convert nothing.",
                    why=f"It says: {_said(result)}",
                    remedy="Run the runbook on these models: runbook run -p artifacts_dir FOLDER.",
                )

    async def convert(self, upload: "UploadFile", is_gone: Callable[[], Awaitable[bool]]) -> Converted:
        """Wait for this document's turn and convert it, unless whoever asked is gone by then.

        Raises `HTTPException` with what went wrong, and whose fault it is.
        """
        name = Path(upload.filename or "").name
        if Path(name).suffix.lower() not in SUFFIXES:
            raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Taken are {', '.join(sorted(SUFFIXES))}.")
        try:
            async with asyncio.timeout(self._settings.wait_limit_s):
                await self._turn.acquire()
        except TimeoutError:
            raise busy("Other documents take too long.") from None
        try:
            work = await self._begin(name, upload, is_gone)
        except BaseException:
            self._turn.release()
            raise
        work.add_done_callback(self._end_turn)  # not before: a thread cannot be stopped
        try:
            async with asyncio.timeout(self._hard_limit_s):
                return await asyncio.shield(work)
        except TimeoutError:
            raise self._too_long() from None

    async def _begin(
        self, name: str, upload: "UploadFile", is_gone: Callable[[], Awaitable[bool]]
    ) -> "asyncio.Future[Converted]":
        if await is_gone():
            raise busy("Nobody waits for this document any more.")
        content = await upload.read()  # one at a time: those that wait stay on disk
        return asyncio.get_running_loop().run_in_executor(self._thread, self._convert, name, content)

    def close(self) -> None:
        """Start nothing more; what is running is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _end_turn(self, work: "asyncio.Future[Converted]") -> None:
        self._turn.release()
        if not work.cancelled():
            work.exception()  # seen, even if nobody waited that long

    def _convert(self, name: str, content: bytes) -> Converted:
        self._began_at = started = time.monotonic()
        try:
            result = self._result(name, content)
            if _ENDED_EARLY in _said(result):
                result = self._result(name, content)
            elapsed_s = time.monotonic() - started
            if _is_whole(result):
                return Converted(len(result.pages), result.document.export_to_markdown(), round(elapsed_s, 3))
        finally:
            self._began_at = None
        _LOG.warning("%r after %.1f s: %s", name, elapsed_s, _said(result))
        if elapsed_s > self._settings.conversion_limit_s:
            raise self._too_long()
        why = f"it is damaged, protected, no {Path(name).suffix} inside, or over {self._settings.max_pages} pages"
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} cannot be converted: {why}.")

    def _result(self, name: str, content: bytes) -> "ConversionResult":
        from docling_core.types.io import DocumentStream

        source = DocumentStream(name=name, stream=BytesIO(content))
        return self._converter.convert(source, raises_on_error=False, max_num_pages=self._settings.max_pages)

    def _too_long(self) -> HTTPException:
        limit_s = self._settings.conversion_limit_s
        return HTTPException(HTTPStatus.GATEWAY_TIMEOUT, f"The conversion takes more than {limit_s:g} s.")


def _is_whole(result: "ConversionResult") -> bool:
    """Whether every page was converted: half a document is no success."""
    from docling.datamodel.base_models import ConversionStatus

    return result.status is ConversionStatus.SUCCESS


def _said(result: "ConversionResult") -> str:
    messages = dict.fromkeys(error.error_message for error in result.errors)  # docling says some once for each page
    return "; ".join((result.status.value, *messages))
