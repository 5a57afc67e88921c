"""Write the sample document of the practice hub; needs reportlab, gives the same bytes each time.

Run by hand after a change of the text: `python tools/make_sample_pdf.py [TARGET]`.
"""

import sys
from pathlib import Path

from reportlab.graphics.shapes import Drawing, Line, Polygon, Rect, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    KeepTogether,
    ListFlowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

TARGET = Path(__file__).parent.parent / "runbook_lib" / "practice" / "sample" / "what_went_wrong_on_windows.pdf"
TITLE = "What went wrong on Windows"

MARGIN = 22 * mm
FRAME_PADDING = 6  # points, of every reportlab frame
TEXT_WIDTH = A4[0] - 2 * MARGIN - 2 * FRAME_PADDING

INK = colors.HexColor("#1f2933")
ACCENT = colors.HexColor("#1d4e89")
PALE = colors.HexColor("#e8eef6")
WARNING = colors.HexColor("#b3402a")
GREY = colors.HexColor("#6b7785")

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=11, leading=16, textColor=INK, spaceAfter=8)
LEAD = ParagraphStyle("lead", parent=BODY, fontSize=12, leading=17, textColor=GREY, spaceAfter=10)
HEAD = ParagraphStyle("title", parent=BODY, fontName="Helvetica-Bold", fontSize=24, leading=30, textColor=ACCENT)
SECTION = ParagraphStyle("section", parent=HEAD, fontSize=14, leading=19, spaceBefore=13, spaceAfter=6)
CODE = ParagraphStyle(
    "code",
    parent=BODY,
    fontName="Courier",
    fontSize=9.5,
    leading=14,
    backColor=PALE,
    borderPadding=(6, 0, 6, 6),
    leftIndent=6,
    spaceBefore=7,
)
CAPTION = ParagraphStyle("caption", parent=BODY, fontSize=9, leading=12, textColor=GREY, spaceBefore=4)
CELL = ParagraphStyle("cell", parent=BODY, fontSize=9.5, leading=12.5, spaceAfter=0)
CELL_HEAD = ParagraphStyle("cell_head", parent=CELL, fontName="Helvetica-Bold", textColor=colors.white)

COSTS = (
    ("Link kind", "Privilege", "Fetched", "On disk"),
    ("Symbolic links", "needed", "12 bytes", "64 MB"),
    ("No links: files are moved", "not needed", "64 MB", "128 MB"),
    ("Hard links", "not needed", "12 bytes", "64 MB"),
)


def paragraphs(*texts: str) -> list[Flowable]:
    """Return body paragraphs."""
    return [Paragraph(text, BODY) for text in texts]


def steps(*texts: str) -> ListFlowable:
    """Return a numbered list."""
    items = [Paragraph(text, BODY) for text in texts]
    return ListFlowable(
        items, bulletType="1", bulletFontName="Helvetica-Bold", bulletFontSize=11, bulletColor=ACCENT, leftIndent=20
    )


def cost_table() -> Table:
    """Return the table of what each kind of link costs."""
    head, *rows = COSTS
    cells = [[Paragraph(text, CELL_HEAD) for text in head], *([Paragraph(text, CELL) for text in row] for row in rows)]
    style = TableStyle(
        [
            ("BACKGROUND", (0, 0), (-1, 0), ACCENT),
            ("ROWBACKGROUNDS", (0, 1), (-1, -1), (colors.white, PALE)),
            ("LINEBELOW", (0, 1), (-1, -1), 0.5, colors.HexColor("#c5d0dc")),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 6),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
        ]
    )
    return Table(cells, colWidths=[share * TEXT_WIDTH for share in (0.37, 0.21, 0.21, 0.21)], style=style)


def race_diagram() -> Drawing:
    """Return the picture of the two workers and the probe."""
    width, height = TEXT_WIDTH, 62 * mm
    drawing = Drawing(width, height)
    drawing.add(Rect(0, 0, width, height, fillColor=colors.HexColor("#f7f9fc"), strokeColor=None, rx=4, ry=4))
    for row, name in ((46, "Worker 1"), (16, "Worker 2")):
        drawing.add(String(4 * mm, row * mm - 3, name, fontName="Helvetica-Bold", fontSize=10, fillColor=INK))
        drawing.add(Line(24 * mm, row * mm, 154 * mm, row * mm, strokeColor=GREY, strokeWidth=1))
    boxes = (
        (28, 46, 34, "says: supported", ACCENT),
        (68, 46, 34, "tries a link", ACCENT),
        (108, 46, 40, "says: not supported", ACCENT),
        (68, 16, 34, "creates a link", WARNING),
        (108, 16, 40, "WinError 1314", WARNING),
    )
    for left, row, box_width, label, colour in boxes:
        _add_box(drawing, left, row, box_width, label, colour)
    drawing.add(Line(45 * mm, 41 * mm, 66 * mm, 19 * mm, strokeColor=WARNING, strokeWidth=1.2, strokeDashArray=[3, 2]))
    tip = [68 * mm, 17.5 * mm, 64.2 * mm, 19 * mm, 66.4 * mm, 21.2 * mm]
    drawing.add(Polygon(tip, fillColor=WARNING, strokeColor=None))
    drawing.add(String(37 * mm, 28 * mm, "believes it", fontName="Helvetica-Oblique", fontSize=9, fillColor=WARNING))
    return drawing


def _add_box(drawing: Drawing, left: float, row: float, width: float, label: str, colour: colors.Color) -> None:
    drawing.add(Rect(left * mm, (row - 5) * mm, width * mm, 10 * mm, rx=3, ry=3, fillColor=colour, strokeColor=None))
    middle = (left + width / 2) * mm
    text = String(middle, row * mm - 3, label, fontName="Helvetica-Bold", fontSize=9, fillColor=colors.white)
    text.textAnchor = "middle"
    drawing.add(text)


def symptom() -> list[Flowable]:
    """Return the title and the first section."""
    return [
        Paragraph(TITLE, HEAD),
        Paragraph("A brief for whoever is called when a document service does not start.", LEAD),
        Paragraph("The symptom", SECTION),
        *paragraphs(
            "A service that converts documents with Docling starts on every developer machine and dies on one "
            "Windows machine. The account there has no administrator rights. The log ends with one line:",
        ),
        Paragraph("OSError: [WinError 1314] A required privilege is not held by the client", CODE),
        Spacer(0, 6),
        *paragraphs("A second start often works. That is the most useful clue."),
        Paragraph("The cause", SECTION),
        *paragraphs(
            "The Hugging Face cache keeps each file once and points to it with symbolic links. On Windows the right "
            "to create one belongs to administrators and to machines in developer mode.",
            "The client library is prepared for that. It tries one link before the first download and moves files "
            "instead when the trial fails.",
            "Up to version 1.32 it announces success before the trial has ended. Eight workers download at the same "
            "time, and one that looks too early creates a link that Windows refuses.",
            "The crash is a race between threads. Of 60 fresh downloads without the privilege, 20 failed on version "
            "1.32.0 and none on version 1.33.0.",
        ),
    ]


def race() -> list[Flowable]:
    """Return the picture with its caption."""
    caption = "Figure 1. Worker 1 publishes its guess before the trial ends; worker 2 acts on the guess."
    return [KeepTogether([race_diagram(), Paragraph(caption, CAPTION)])]


def costs() -> list[Flowable]:
    """Return the section with the table."""
    return [
        Paragraph("What each kind of link costs", SECTION),
        *paragraphs(
            "A machine without symbolic links does not only risk the crash. It also pays for every new revision of a "
            "model, even when the weights in it have not changed. The numbers below are for 64 MB of weights and a "
            "new revision that changes a file of 12 bytes.",
        ),
        Paragraph("Table 1. One new revision with unchanged weights.", CAPTION),
        cost_table(),
        Spacer(0, 8),
        *paragraphs("Hard links cost no more than symbolic links and need no privilege: NTFS allows them to all."),
    ]


def remedies() -> list[Flowable]:
    """Return the sections on what to do and what not to do."""
    return [
        Paragraph("What to do", SECTION),
        steps(
            "Ask the service's own interpreter which version of huggingface_hub it uses.",
            "Move to version 1.33 or later, where the race is gone.",
            "From version 1.9 on, set HF_HUB_DISABLE_SYMLINKS before the library is imported.",
            "Below version 1.9 that variable does nothing: let one thread settle the trial first.",
            "Download the models in a step of their own, before the service starts.",
            "Verify every file against its checksum without the network.",
            "Convert one document with the network cut off. Only that proves the repair.",
        ),
        Paragraph("What not to do", SECTION),
        *paragraphs(
            "Do not run the service as administrator. Do not copy a cache folder by hand: the links in it may point "
            "nowhere afterwards. Do not count a hidden warning as a repair: the variable "
            "HF_HUB_DISABLE_SYMLINKS_WARNING changes what is printed and nothing else.",
        ),
        Paragraph("How to know that it is over", SECTION),
        *paragraphs("A document converts on this machine, now, with the network cut off."),
    ]


def _page_number(canvas: Canvas, _document: SimpleDocTemplate) -> None:
    canvas.setFont("Helvetica", 8.5)
    canvas.setFillColor(GREY)
    canvas.drawString(MARGIN + FRAME_PADDING, 12 * mm, TITLE)
    canvas.drawRightString(A4[0] - MARGIN - FRAME_PADDING, 12 * mm, f"Page {canvas.getPageNumber()}")


def main() -> None:
    """Write the document."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    document = SimpleDocTemplate(
        str(target),
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=20 * mm,
        bottomMargin=22 * mm,
        title=TITLE,
        author="docling-runbook",
        invariant=1,
    )
    story = [*symptom(), Spacer(0, 6), *race(), PageBreak(), *costs(), *remedies()]
    document.build(story, onFirstPage=_page_number, onLaterPages=_page_number)
    sys.stdout.write(f"{target.name}: {target.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
