"""Pictures of a converted document's pages with the boxes docling found, and what it read on each page.

The pages are drawn here and not by docling's `generate_page_images`, which keeps the picture of every page in memory
until the document is gone: 3 MB a page at this scale.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Iterator

PICTURE_SCALE = 1.5
MOST_PIXELS = 1300
PICTURE_COLOURS = 8
TAG_SIZE = 13
BOX_COLOURS = {
    "table": (200, 80, 0),
    "picture": (120, 60, 180),
    "section_header": (0, 110, 60),
    "title": (0, 110, 60),
    "list_item": (150, 110, 0),
}
OTHER_COLOUR = (0, 80, 190)


def draw_pages(document: Any, source: Path, output: Path, prefix: str, most: int) -> list[dict[str, Any]]:  # noqa: ANN401
    """Draw the first pages of a PDF or a picture; none where the format has no pages to look at."""
    pages = sorted(document.pages)[:most]
    pictures = page_pictures(source, pages) if pages else {}
    return [draw_page(document, page_no, pictures[page_no], output, prefix) for page_no in pages if page_no in pictures]


def page_pictures(source: Path, pages: list[int]) -> dict[int, Any]:
    """Return the pages as Pillow images; empty when they cannot be drawn, which is no fault of the conversion."""
    with suppress(Exception):
        return pdf_pages(source, pages) if source.suffix.lower() == ".pdf" else frames(source, pages)
    return {}


def pdf_pages(source: Path, pages: list[int]) -> dict[int, Any]:
    """Return pages of a PDF, drawn by the library docling brings along."""
    import pypdfium2

    document = pypdfium2.PdfDocument(source)
    try:
        return {
            number: document[number - 1].render(scale=scale_for(document[number - 1].get_size())).to_pil()
            for number in pages
        }
    finally:
        document.close()


def frames(source: Path, pages: list[int]) -> dict[int, Any]:
    """Return the pages of a picture file: it has one, or several as a TIFF does."""
    from PIL import Image, ImageOps

    drawn = {}
    with Image.open(source) as image:
        for number in pages:
            image.seek(number - 1)
            upright = ImageOps.exif_transpose(image.convert("RGB"))
            scale = scale_for(upright.size)
            drawn[number] = upright.resize((round(upright.width * scale), round(upright.height * scale)))
    return drawn


def scale_for(size: tuple[float, float]) -> float:
    """Return the scale at which a page is drawn: posters and scans of 600 dpi are made smaller."""
    return min(PICTURE_SCALE, MOST_PIXELS / max(*size, 1))


def draw_page(document: Any, page_no: int, picture: Any, output: Path, prefix: str) -> dict[str, Any]:  # noqa: ANN401
    """Draw the boxes of a page, numbered in reading order, and save it as PNG; returns the labels in that order."""
    from PIL import ImageDraw

    image = picture.convert("RGB")
    scale = image.width / document.pages[page_no].size.width
    boxes = list(boxes_of(document, page_no))
    pen = ImageDraw.Draw(image)
    for number, (label, box) in enumerate(boxes, start=1):
        colour = BOX_COLOURS.get(label, OTHER_COLOUR)
        left, top, right, bottom = (value * scale for value in box)
        pen.rectangle((left - 2, top - 1, right + 2, bottom + 1), outline=colour, width=2)
        tag = str(number) if label == "text" else f"{label} {number}"
        pen.text((left - 6, (top + bottom) / 2), tag, fill=colour, anchor="rm", font_size=TAG_SIZE)
    name = f"{prefix}page-{page_no}.png"
    image.quantize(PICTURE_COLOURS).save(output / name, optimize=True)
    labels = [label for label, _ in boxes]
    markdown = write_page(document, page_no, output, prefix)
    return {"page_no": page_no, "name": name, "boxes": labels, "markdown": markdown}


def write_page(document: Any, page_no: int, output: Path, prefix: str) -> str:  # noqa: ANN401 - docling's class
    """Write what docling read on one page as Markdown; returns the file's name."""
    name = f"{prefix}page-{page_no}.md"
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
