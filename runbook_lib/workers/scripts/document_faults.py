"""What is wrong with a document that docling does not read: told by the file, where docling's words name no cause.

docling 2.143 says "could not load document HASH" of a PDF with a password, of a web page saved as PDF and of an empty
file alike, and "File format not allowed" of a type it does not know and of a damaged picture alike.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

HEAD_BYTES = 1024
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
"""The container of the old Office formats; the new ones are put into it when they get a password ([MS-OFFCRYPTO])."""
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
ZIP = b"PK\x03\x04"
ZIPPED = frozenset({".docx", ".pptx", ".xlsx", ".odt", ".ods", ".odp", ".epub"})
PASSWORD_ERROR = 4
"""FPDF_ERR_PASSWORD of PDFium's fpdfview.h."""


def find_fault(path: Path, docling_says: str, *, known_type: bool) -> tuple[str, str]:
    """Return the kind of fault and a sentence; kinds: empty-file, encrypted, mislabelled, damaged, unsupported."""
    if path.stat().st_size == 0:
        return "empty-file", "the file is empty (0 bytes)"
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        return pdf_fault(path, head) or ("damaged", f"docling cannot read it: {docling_says}")
    if suffix in ZIPPED and not zipfile.is_zipfile(path):
        return office_fault(path, head)
    if not known_type:
        return "unsupported", f"docling knows no documents {f'of type {suffix}' if suffix else 'without a suffix'}"
    return "damaged", f"docling cannot read it: {docling_says}"


def pdf_fault(path: Path, head: bytes) -> tuple[str, str] | None:
    """Return what keeps PDFium from opening a PDF; None when it opens it or is not there."""
    if b"%PDF-" not in head:
        return "mislabelled", f"is no PDF: {nature(head)}"
    try:
        import pypdfium2
    except ImportError:
        return None
    try:
        pypdfium2.PdfDocument(path).close()
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == PASSWORD_ERROR or "password" in str(error).lower():
            return "encrypted", "the PDF is protected by a password"
        return "damaged", f"the PDF is damaged or cut short: {error}"
    return None


def office_fault(path: Path, head: bytes) -> tuple[str, str]:
    """Return why a file with the suffix of a zipped format is no ZIP file."""
    if head.startswith(ZIP):
        return "damaged", "the file is damaged or cut short: it is not a complete ZIP file"
    if not head.startswith(OLE):
        return "mislabelled", f"is no {path.suffix[1:]} file: {nature(head)}"
    if ENCRYPTED_PACKAGE in path.read_bytes():
        return "encrypted", "the document is protected by a password"
    return "mislabelled", f"is an Office file of the old kind with the suffix {path.suffix}"


def nature(head: bytes) -> str:
    """Say what the beginning of a file looks like."""
    start = head.lstrip()[:64].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "it holds a web page, as a portal or a log-in page leaves"
    if head.startswith(ZIP):
        return "it is a ZIP file, which Office documents are, too"
    if b"%pdf-" in head.lower():
        return "it is a PDF"
    return f"it begins with {head[:16].decode('latin-1')!r}"


def opens(path: Path) -> bool:
    """Whether nothing is wrong with a PDF that docling gave up in the middle; other types are not looked into."""
    if path.suffix.lower() != ".pdf":
        return True
    with path.open("rb") as file:
        return pdf_fault(path, file.read(HEAD_BYTES)) is None


def is_document_error(error: Any) -> bool:  # noqa: ANN401 - docling's class
    """Whether docling itself says that the document is at fault (`DoclingComponentType.USER_INPUT`)."""
    return getattr(error.component_type, "value", "") == "user_input"
