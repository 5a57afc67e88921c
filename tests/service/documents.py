"""Documents to upload: small ones that can be told apart, and bad ones with the status they have earned."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from reportlab.lib.pagesizes import A6
from reportlab.pdfgen.canvas import Canvas

from tests.service.running import MAX_PAGES, MAX_REQUEST_BYTES


def document(sentence: str, *, pages: int = 1, **options: Any) -> bytes:
    """Return a small PDF with the sentence on each page."""
    written = BytesIO()
    canvas = Canvas(written, pagesize=A6, **options)
    for _ in range(pages):
        canvas.drawString(30, 200, sentence)
        canvas.showPage()
    canvas.save()
    return written.getvalue()


FILE_PART = b'--x\r\nContent-Disposition: form-data; name="document"; filename="a.pdf"\r\n\r\n'
"""The begin of a form whose boundary is x."""


@dataclass(frozen=True)
class Bad:
    """A request that cannot be served, as keywords of `httpx.Client.post`, and its status."""

    status: int
    request: dict[str, Any]


def _file(status: int, name: str, content: bytes) -> Bad:
    return Bad(status, {"files": {"document": (name, content)}})


def _form(status: int, content: Any) -> Bad:
    return Bad(status, {"content": content, "headers": {"Content-Type": "multipart/form-data; boundary=x"}})


BAD: dict[str, Bad] = {
    "empty": _file(422, "a.pdf", b""),
    "garbage": _file(422, "a.pdf", b"garbage" * 1000),
    "web page": _file(422, "a.pdf", b"<html><body>Log in first</body></html>"),
    "archive": _file(422, "a.pdf", b"PK\x03\x04" + bytes(100)),
    "cut short": _file(422, "a.pdf", document("cut")[:300]),
    "password": _file(422, "a.pdf", document("secret", encrypt="word")),
    "too many pages": _file(422, "a.pdf", document("page", pages=MAX_PAGES + 1)),
    "no picture": _file(422, "a.png", b"\x89PNG\r\n\x1a\n" + bytes(50)),
    "another type": _file(415, "a.exe", b"MZ"),
    "no suffix": _file(415, "../../etc/passwd", b"x"),
    "another field": Bad(422, {"files": {"file": ("a.pdf", b"x")}}),
    "no form": Bad(422, {"json": {"document": "a.pdf"}}),
    "broken form": _form(400, b"--y\r\n"),
    "form without end": _form(422, FILE_PART + b"x"),
    "too large": _file(413, "a.pdf", bytes(MAX_REQUEST_BYTES)),
}
