"""Converts one document with the real docling pipeline, offline, and leaves Markdown and page pictures."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator

PICTURE_SCALE = 1.5
PICTURE_COLOURS = 32
TAG_SIZE = 13
BOX_COLOURS = {
    "table": (200, 80, 0),
    "picture": (120, 60, 180),
    "section_header": (0, 110, 60),
    "title": (0, 110, 60),
    "list_item": (150, 110, 0),
}
OTHER_COLOUR = (0, 80, 190)


def run(request: dict[str, Any], emit: Callable[..., None]) -> dict[str, Any]:
    """Convert `document` twice with `artifacts_path`; returns timings, status, boxes and what was refused.

    Sockets other than loopback are refused from here on, so that a success proves that no network is needed. Native
    code that opens sockets past Python (hf_xet) is kept in by HF_HUB_OFFLINE, which the caller sets.
    """
    refused = refuse_network()
    clock = Clock()
    converter = make_converter(request)
    from docling.datamodel.base_models import InputFormat

    emit("progress", step="docling imported", elapsed_s=clock.lap("import_s"))
    converter.initialize_pipeline(InputFormat.PDF)
    emit("progress", step="models loaded", elapsed_s=clock.lap("load_s"))
    result = converter.convert(request["document"], raises_on_error=False)
    emit("progress", step="converted once", elapsed_s=clock.lap("first_s"))
    converter.convert(request["document"], raises_on_error=False)
    emit("progress", step="converted twice", elapsed_s=clock.lap("second_s"))
    output = Path(request["output"])
    markdown = result.document.export_to_markdown()
    (output / "document.md").write_text(markdown, encoding="utf-8", newline="\n")
    return {
        "status": result.status.value,
        "errors": [error.error_message for error in result.errors],
        "page_count": result.input.page_count,
        "pages_converted": len(result.pages),
        "characters": len(markdown),
        "tables": len(result.document.tables),
        "pictures": [draw_page(result.document, page.page_no, output) for page in result.pages],
        "timings_s": clock.laps,
        "refused_connections": refused,
    }


class Clock:
    """Seconds between laps, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> float:
        """Close a lap and return its seconds."""
        now = time.perf_counter()
        self.laps[name], self._last = now - self._last, now
        return self.laps[name]


def make_converter(request: dict[str, Any]) -> Any:  # noqa: ANN401 - docling's class; docling is imported here only
    """Build docling's converter with its default PDF pipeline on the given artifacts folder."""
    from docling.datamodel.base_models import InputFormat
    from docling.datamodel.pipeline_options import PdfPipelineOptions
    from docling.document_converter import DocumentConverter, ImageFormatOption, PdfFormatOption

    options = PdfPipelineOptions(
        artifacts_path=Path(request["artifacts_dir"]),
        do_ocr=request["ocr"],
        do_table_structure=True,
        generate_page_images=True,
        images_scale=PICTURE_SCALE,
    )
    return DocumentConverter(
        format_options={
            InputFormat.PDF: PdfFormatOption(pipeline_options=options),
            InputFormat.IMAGE: ImageFormatOption(pipeline_options=options),
        }
    )


def draw_page(document: Any, page_no: int, output: Path) -> dict[str, Any]:  # noqa: ANN401 - docling's class
    """Draw the boxes of a page, numbered in reading order, and save it as PNG; returns the labels in that order."""
    from PIL import ImageDraw

    page = document.pages.get(page_no)
    if page is None or page.image is None or page.image.pil_image is None:
        return {"page_no": page_no, "name": None, "boxes": [], "markdown": None}
    boxes = list(boxes_of(document, page_no))
    image = page.image.pil_image.convert("RGB")
    pen = ImageDraw.Draw(image)
    for number, (label, box) in enumerate(boxes, start=1):
        colour = BOX_COLOURS.get(label, OTHER_COLOUR)
        left, top, right, bottom = (value * PICTURE_SCALE for value in box)
        pen.rectangle((left - 2, top - 1, right + 2, bottom + 1), outline=colour, width=2)
        tag = str(number) if label == "text" else f"{label} {number}"
        pen.text((left - 6, (top + bottom) / 2), tag, fill=colour, anchor="rm", font_size=TAG_SIZE)
    name = f"page-{page_no}.png"
    image.quantize(PICTURE_COLOURS).save(output / name, optimize=True)
    labels = [label for label, _ in boxes]
    return {"page_no": page_no, "name": name, "boxes": labels, "markdown": write_page(document, page_no, output)}


def write_page(document: Any, page_no: int, output: Path) -> str | None:  # noqa: ANN401 - docling's class
    """Write what docling read on one page as Markdown; returns the file's name."""
    name = f"page-{page_no}.md"
    (output / name).write_text(document.export_to_markdown(page_no=page_no), encoding="utf-8", newline="\n")
    return name


def boxes_of(document: Any, page_no: int) -> Iterator[tuple[str, tuple[float, float, float, float]]]:  # noqa: ANN401
    """Yield label and box (left, top, right, bottom; origin top left) of each item of a page, in reading order."""
    height = document.pages[page_no].size.height
    for item, _level in document.iterate_items(page_no=page_no):
        for place in item.prov:
            if place.page_no == page_no:
                box = place.bbox.to_top_left_origin(height)
                yield item.label.value, (box.l, box.t, box.r, box.b)


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
