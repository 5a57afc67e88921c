"""Write the scanned page of the practice hub: a picture of text and no text, as a scanner leaves it.

Run by hand after a change of the text: `python tools/make_scanned_page.py [TARGET]`; needs reportlab, pypdfium2 and
Pillow. The paper is grey, the page lies a little askew, the letters are soft.
"""

import io
import sys
from pathlib import Path

import pypdfium2
from make_sample_pdf import BODY, CAPTION, HEAD, LEAD, MARGIN, SECTION
from PIL import Image, ImageFilter
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate

TARGET = Path(__file__).parent.parent / "runbook_lib" / "practice" / "sample" / "a_scanned_page.pdf"
DOTS_PER_INCH = 150
PAPER = 232
"""Grey of the paper; the practice layout model takes darker paper than 252 for a scan."""
INK = 40
ASKEW_DEGREES = 0.3
JPEG_QUALITY = 35


def story() -> list[Flowable]:
    """Return what the page says."""
    return [
        Paragraph("Delivery note 1314", HEAD),
        Paragraph("Received on paper, put on the glass, filed as a picture.", LEAD),
        Paragraph("What was delivered", SECTION),
        Paragraph("Three models for a machine without a network.", BODY),
        Paragraph("Every file was compared with its checksum at the gate.", BODY),
        Paragraph("What has to be proven", SECTION),
        Paragraph("These lines are a picture: only OCR can read them.", BODY),
        Paragraph("A detector, a classifier and a recogniser have to work together.", BODY),
        Paragraph("Signed for by the night shift.", CAPTION),
    ]


def printed() -> Image.Image:
    """Return the page as it left the printer."""
    stream = io.BytesIO()
    document = SimpleDocTemplate(stream, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, invariant=1)
    document.build(story())
    page = pypdfium2.PdfDocument(stream.getvalue())[0].render(scale=DOTS_PER_INCH / 72)
    picture: Image.Image = page.to_pil()
    return picture.convert("L")


def scanned(page: Image.Image) -> Image.Image:
    """Return the page as it left the scanner."""
    soft = page.rotate(ASKEW_DEGREES, resample=Image.Resampling.BICUBIC, fillcolor=255)
    soft = soft.filter(ImageFilter.GaussianBlur(0.6))
    return soft.point([round(INK + (PAPER - INK) * level / 255) for level in range(256)])


def main() -> None:
    """Write the document."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    picture = io.BytesIO()
    scanned(printed()).save(picture, "JPEG", quality=JPEG_QUALITY, optimize=True)
    canvas = Canvas(str(target), pagesize=A4, invariant=1)
    canvas.setTitle("Delivery note 1314")
    canvas.drawImage(ImageReader(picture), 0, 0, *A4)
    canvas.showPage()
    canvas.save()
    sys.stdout.write(f"{target.name}: {target.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
