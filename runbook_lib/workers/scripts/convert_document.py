"""Converts documents with the real docling pipeline, offline, and leaves Markdown and page pictures."""

from __future__ import annotations

import gc
import logging
import sys
import time
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, Iterator

from document_faults import (  # type: ignore[import-not-found]  # workers run with their own folder on sys.path
    find_fault,
    is_document_error,
    opens,
)
from document_pictures import draw_pages  # type: ignore[import-not-found]
from peak_memory import begin_peak, peak_bytes  # type: ignore[import-not-found]
from wanted_pipeline import load_stage_classes, make_converter, paginated_options  # type: ignore[import-not-found]

MOST_WARNINGS = 5
SAID_CHARS = 400
ENDED_EARLY = "pipeline terminated early"
PREPARED_S = [0.0]
"""What importing docling took before anything was asked."""


def prepare(pipeline: dict[str, Any] | None = None) -> None:
    """Import docling, and what it imports while it builds a pipeline; what is missing is told where it is needed.

    Not for the service's own code, which may want to be imported before docling. The garbage collector rests meanwhile:
    it would look 1,500 times through what importing makes and nothing lets go of, and take a seventh of the time.
    `gc.freeze` would spare it more, but triton then tells of leaks at the end.
    """
    if PREPARED_S[0] or (pipeline and pipeline["code"]):
        return
    started = time.perf_counter()
    gc.disable()
    try:
        with suppress(ImportError):
            from docling import document_converter as _document_converter  # noqa: F401 - to have it imported

            load_stage_classes()
    finally:
        gc.enable()
        PREPARED_S[0] = time.perf_counter() - started


def run(request: dict[str, Any], emit: Callable[..., None]) -> dict[str, Any]:
    """Convert each of `documents` with models that are loaded once; tells of each as soon as it is done.

    Sockets other than loopback are refused from here on, so that a success proves that no network is needed. Native
    code that opens sockets past Python (hf_xet) is kept in by HF_HUB_OFFLINE, which the caller sets.
    """
    refused = refuse_network()
    prepare(request["pipeline"])
    clock = Clock()
    converter = make_converter(request["pipeline"])
    for option in paginated_options(converter):
        option.pipeline_options.artifacts_path = Path(request["artifacts_dir"])
    from docling.datamodel.base_models import InputFormat

    clock.lap("import_s")
    clock.laps["import_s"] += PREPARED_S[0]
    emit("progress", step="docling imported", elapsed_s=clock.laps["import_s"])
    converter.initialize_pipeline(InputFormat.PDF)
    emit("progress", step="models loaded", elapsed_s=clock.lap("load_s"))
    pictures = request["pictures"]
    for number, asked in enumerate(request["documents"]):
        emit("progress", begun=number)
        done = convert_one(converter, asked, Path(request["output"]), pictures)
        pictures -= len(done["pictures"])
        emit("progress", number=number, document=done, refused=refused)
    if request["twice"]:
        clock.laps["first_s"] = done["elapsed_s"]
        clock.lap("")
        converter.convert(request["documents"][0]["path"], raises_on_error=False)
        clock.lap("second_s")
    return {"timings_s": clock.named(), "refused_connections": refused}


class Clock:
    """Seconds between laps, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> float:
        """Close a lap and return its seconds; one without a name is not kept."""
        now = time.perf_counter()
        self.laps[name], self._last = now - self._last, now
        return self.laps[name]

    def named(self) -> dict[str, float]:
        """Return the laps that have a name."""
        return {name: took for name, took in self.laps.items() if name}


def convert_one(converter: Any, asked: dict[str, Any], output: Path, pictures: int) -> dict[str, Any]:  # noqa: ANN401
    """Convert one document and write what came out; says what came of it, whatever that is."""
    path = Path(asked["path"])
    begin_peak()
    started = time.perf_counter()
    with noted_warnings() as warned:
        try:
            result = result_of(converter, path)
        except Exception as error:  # noqa: BLE001 - docling 2.143 raises for a missing package, asked not to or not
            done = refusal(error)
        else:
            done = outcome(result, path)
            if done["status"] in ("success", "partial_success"):
                done.update(written(result.document, asked, output, pictures))
    took = time.perf_counter() - started
    told = {**NOTHING, **done, "kind": kind_of(path)}
    return {**told, "elapsed_s": took, "peak_memory_bytes": peak_bytes(), "warnings": warned[:MOST_WARNINGS]}


def result_of(converter: Any, path: Path) -> Any:  # noqa: ANN401 - docling's classes
    """Convert, and once more where docling lost pages between its threads.

    It looks into an empty queue, the last stage fills and closes it, and it takes that for one that was closed early
    (`StandardPdfPipeline`, docling 2.143).
    """
    result = converter.convert(path, raises_on_error=False)
    if any(ENDED_EARLY in error.error_message for error in result.errors):
        result = converter.convert(path, raises_on_error=False)
    return result


NOTHING: dict[str, Any] = {
    "status": "",
    "fault": "",
    "said": "",
    "traceback": "",
    "errors": [],
    "page_count": 0,
    "pages_converted": 0,
    "characters": 0,
    "text_characters": 0,
    "tables": 0,
    "pictures": [],
    "markdown": None,
}


def outcome(result: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401 - docling's class
    """Return what docling reports, and whose fault it is when that is no success.

    Only the pipelines of PDF and pictures fill `result.pages`; slides and sheets are pages of the document.
    """
    errors = [error.error_message for error in result.errors]
    done = {
        "status": result.status.value,
        "errors": errors,
        "page_count": result.input.page_count,
        "pages_converted": len(result.pages) or len(result.document.pages),
    }
    if done["status"] == "success":
        return done
    says = " ".join("; ".join(dict.fromkeys(errors)).split())[:SAID_CHARS] or f"docling ends with {done['status']}"
    blamed = not result.input.valid or any(map(is_document_error, result.errors)) or not opens(path)
    fault, said = find_fault(path, says, known_type=is_known(path)) if blamed else ("pipeline", says)
    return {**done, "fault": fault, "said": said}


def refusal(error: Exception) -> dict[str, Any]:
    """Return what an exception means; docling's own sentence names the package that a format needs."""
    fault = "needs-package" if isinstance(error, ImportError) else "pipeline"
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    words = str(error) if fault == "needs-package" else f"{type(error).__name__}: {error}"
    return {"status": "raised", "fault": fault, "said": " ".join(words.split())[:SAID_CHARS], "traceback": trace}


def is_known(path: Path) -> bool:
    """Whether docling knows documents with this suffix."""
    from docling.datamodel.base_models import FormatToExtensions

    suffix = path.suffix.lower().lstrip(".")
    return any(suffix in extensions for extensions in FormatToExtensions.values())


def written(document: Any, asked: dict[str, Any], output: Path, pictures: int) -> dict[str, Any]:  # noqa: ANN401
    """Write Markdown and pictures; returns what they hold."""
    markdown = document.export_to_markdown()
    target = output / asked["markdown"]
    target.parent.mkdir(exist_ok=True)
    target.write_text(markdown, encoding="utf-8", newline="\n")
    return {
        "characters": len(markdown),
        "text_characters": text_characters(document),
        "tables": len(document.tables),
        "markdown": asked["markdown"],
        "pictures": draw_pages(document, Path(asked["path"]), output, asked["prefix"], pictures),
    }


def text_characters(document: Any) -> int:  # noqa: ANN401 - docling's class
    """Count what was read; the Markdown of a page without text still holds `<!-- image -->`."""
    cells = (cell.text for table in document.tables for cell in table.data.table_cells)
    texts = (text.text for text in document.texts)
    return sum(len(text.strip()) for words in (texts, cells) for text in words)


def kind_of(path: Path) -> str:
    """Say whether a PDF holds letters or pictures of them; anything else is told by its suffix."""
    if path.suffix.lower() != ".pdf":
        return path.suffix.lower().lstrip(".")
    try:
        import pypdfium2

        letters = sum(page.get_textpage().count_chars() for page in pypdfium2.PdfDocument(path))
    except Exception:  # noqa: BLE001 - docling says what is wrong with it
        return ""
    return "born digital" if letters else "scanned"


@contextmanager
def noted_warnings() -> Iterator[list[str]]:
    """Collect what libraries log as a warning or worse, each sentence once."""
    noted: list[str] = []

    class Note(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            with suppress(Exception):  # a message that cannot be put together is nothing to end a conversion for
                message = " ".join(record.getMessage().split())[:SAID_CHARS]
                if message not in noted:
                    noted.append(message)

    handler = Note(level=logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        yield noted
    finally:
        logging.getLogger().removeHandler(handler)


def refuse_network() -> list[str]:
    """Refuse every connection and look-up that leaves this machine; returns the list they are noted in."""
    refused: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            address = arguments[1]
        elif event == "socket.getaddrinfo":
            address = arguments[:2]
        else:
            return
        if isinstance(address, tuple) and not is_loopback(str(address[0])):
            refused.append(f"{address[0]}:{address[1]}")
            raise ConnectionRefusedError(f"the runbook refuses {address[0]}: this conversion must work without network")

    sys.addaudithook(hook)
    return refused


def is_loopback(host: str) -> bool:
    """Whether the host is this machine; an empty host is."""
    return host in ("", "None", "localhost", "::1", "0.0.0.0") or host.startswith("127.")  # noqa: S104 - compared only
