"""Documents of every kind through the real docling: what converts, what is empty, and who is to blame for the rest."""

from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from runbook_lib import convert, download, open_run
from runbook_lib.run.check import Status
from runbook_lib.run.record import StageRecord
from runbook_lib.stages.convert.facts import ConvertedDocument, ConvertFacts

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("documents")]

MODELS = "docling-project/docling-layout-heron@main,docling-project/docling-models@v2.3.0"
PASSWORD = StandardEncryption("user", "owner", strength=128)
OWNER_ONLY = StandardEncryption("", "owner", canCopy=0, strength=128)

EXPECTED = {
    "slides.pptx": ("ok", 3),
    "sheets.xlsx": ("ok", 2),
    "words.docx": ("ok", 0),
    "page.html": ("ok", 0),
    "note.md": ("ok", 0),
    "good ä #1.pdf": ("ok", 2),
    "owner password.pdf": ("ok", 1),
    "blank.pdf": ("empty", 1),
    "scan.png": ("empty", 1),
    "scan.tiff": ("empty", 2),
    "nothing.md": ("empty", 0),
    "no words.docx": ("empty", 0),
    "zero.pdf": ("empty-file", 0),
    "zero.docx": ("empty-file", 0),
    "zero.png": ("empty-file", 0),
    "portal.pdf": ("mislabelled", 0),
    "old.docx": ("mislabelled", 0),
    "password.pdf": ("encrypted", 0),
    "password.docx": ("encrypted", 0),
    "header.pdf": ("damaged", 0),
    "cut.pdf": ("damaged", 5),
    "cut.docx": ("damaged", 0),
    "noise.png": ("damaged", 0),
    "data.xyz": ("unsupported", 0),
    "no slides.pptx": ("damaged", 0),
    "sound.wav": ("needs-package", 0),
}
"""What comes of each document, and how many pages docling counts (docling 2.143)."""


def pdf(path: Path, pages: int = 1, text: str = "Some words", encryption: StandardEncryption | None = None) -> bytes:
    canvas = Canvas(str(path), encrypt=encryption)
    for _ in range(pages):
        canvas.drawString(72, 700, text)
        canvas.showPage()
    canvas.save()
    return path.read_bytes()


def write_office(folder: Path) -> None:
    slides = pptx.Presentation()
    slides.save(str(folder / "no slides.pptx"))
    for number in range(3):
        slides.slides.add_slide(slides.slide_layouts[0]).shapes.title.text = f"Slide {number}"
    slides.save(str(folder / "slides.pptx"))
    book = openpyxl.Workbook()
    book.active.append(["a", 1])
    book.create_sheet("two").append(["b", 2])
    book.save(folder / "sheets.xlsx")
    words = docx.Document()
    words.save(str(folder / "no words.docx"))
    words.add_paragraph("Some words")
    words.save(str(folder / "words.docx"))
    whole = (folder / "words.docx").read_bytes()
    (folder / "cut.docx").write_bytes(whole[: len(whole) // 2])
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1000)
    (folder / "old.docx").write_bytes(ole)
    (folder / "password.docx").write_bytes(ole + "EncryptedPackage".encode("utf-16-le") + bytes(1000))


def write_pdfs(folder: Path) -> None:
    pdf(folder / "good ä #1.pdf", pages=2)
    pdf(folder / "blank.pdf", text="")
    pdf(folder / "password.pdf", encryption=PASSWORD)
    pdf(folder / "owner password.pdf", encryption=OWNER_ONLY)
    five = pdf(folder / "cut.pdf", pages=5)
    (folder / "cut.pdf").write_bytes(five[: len(five) * 2 // 3])
    (folder / "header.pdf").write_bytes(b"%PDF-1.7\n")
    (folder / "portal.pdf").write_text("<!DOCTYPE html><html><body>Please log in</body></html>", encoding="utf-8")


def write_pictures(folder: Path) -> None:
    picture = Image.new("RGB", (300, 400), "white")
    picture.save(folder / "scan.png")
    picture.save(folder / "scan.tiff", save_all=True, append_images=[picture])
    (folder / "noise.png").write_bytes(bytes(range(256)))


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> StageRecord[ConvertFacts]:
    """Convert all of them in one run."""
    home = tmp_path_factory.mktemp("documents")
    folder = home / "my documents"
    folder.mkdir()
    for write in (write_office, write_pdfs, write_pictures):
        write(folder)
    for name, text in {"page.html": "<h1>Words</h1>", "note.md": "# Words", "nothing.md": "", "data.xyz": "x"}.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in ("zero.pdf", "zero.docx", "zero.png"):
        (folder / name).write_bytes(b"")
    (folder / "sound.wav").write_bytes(b"RIFF$\0\0\0WAVEfmt " + bytes(30))
    run = open_run(
        run_dir=str(home / "run"),
        hub="practice",
        models=MODELS,
        pipeline="ocr=off",
        document=str(folder),
        cache_dir=str(home / "hub"),
        artifacts_dir=str(home / "artifacts"),
    )
    assert download(run).failed() == ()
    return convert(run)


@pytest.fixture(scope="module")
def documents(record: StageRecord[ConvertFacts]) -> dict[str, ConvertedDocument]:
    return {document.name: document for document in record.facts.documents}


def test_every_document_has_a_row(documents: dict[str, ConvertedDocument]) -> None:
    assert set(documents) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_what_comes_of_it(documents: dict[str, ConvertedDocument], name: str) -> None:
    assert (documents[name].outcome, documents[name].page_count) == EXPECTED[name]


@pytest.mark.parametrize("name", [name for name, (outcome, _) in EXPECTED.items() if outcome == "ok"])
def test_what_converts_is_whole(documents: dict[str, ConvertedDocument], name: str) -> None:
    done = documents[name]
    assert done.pages_converted == done.page_count
    assert done.characters
    assert done.markdown
    assert done.elapsed_s > 0
    assert done.peak_memory_bytes > 10**7


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("password.pdf", "protected by a password"),
        ("portal.pdf", "it holds a web page"),
        ("zero.pdf", "0 bytes"),
        ("header.pdf", "damaged or cut short"),
        ("cut.docx", "not a complete ZIP file"),
        ("data.xyz", "no documents of type .xyz"),
        ("sound.wav", "pip install openai-whisper"),
    ],
)
def test_what_docling_says_alike_is_told_apart(documents: dict[str, ConvertedDocument], name: str, said: str) -> None:
    assert said in documents[name].said


def test_the_machine_is_proven_and_the_documents_are_named(record: StageRecord[ConvertFacts]) -> None:
    checks = {check.id: check for check in record.checks}
    assert {name: check.status for name, check in checks.items()} == {
        "converted": Status.OK,
        "documents-readable": Status.WARN,
        "all-pages": Status.WARN,
        "has-text": Status.WARN,
        "no-network": Status.OK,
    }
    assert "cut.pdf" in checks["all-pages"].evidence
    assert not any("verify" in check.remedy for check in record.checks)


def test_a_few_pages_are_drawn_with_what_was_read_beside_them(documents: dict[str, ConvertedDocument]) -> None:
    pictures = [page for document in documents.values() for page in document.pictures]
    assert 0 < len(pictures) <= 8
    assert all(page.name and page.markdown for page in pictures)
