"""What stage convert did."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from pydantic import Field

from runbook_lib.core.value import Masked, Value
from runbook_lib.render.sections import Section, Table
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.record import Facts

PIPELINE: Final = "pipeline"
CRASH: Final = "crash"
LIMIT: Final = "limit"
NOT_TRIED: Final = "not-tried"
NOT_THE_DOCUMENT: Final = frozenset({PIPELINE, CRASH, LIMIT, NOT_TRIED})
"""Faults that lie elsewhere, or may; every other one is the document's own."""


class ConvertedPage(Value):
    """One page: its picture with the layout boxes, and the labels of the boxes in reading order."""

    page_no: int
    name: str | None
    boxes: tuple[str, ...]
    markdown: str | None = None
    """Name of the file with the page's Markdown."""


class ConvertedDocument(Value):
    """What came of one document."""

    name: str
    """As it was found: below the folder that was named, or the file's own."""
    kind: str = ""
    """`born digital`, `scanned`, or the suffix of what is not a PDF."""
    status: str = ""
    """docling's word for it; `raised` when docling raised; empty when it never answered."""
    fault: str = ""
    """empty-file, encrypted, mislabelled, damaged, unsupported, needs-package; or what `NOT_THE_DOCUMENT` holds."""
    said: str = ""
    """Why it is no success, in a sentence."""
    errors: tuple[str, ...] = ()
    page_count: int = 0
    """Pages, slides or sheets as docling counts them; 0 for a format without any."""
    pages_converted: int = 0
    characters: int = 0
    """Length of the Markdown."""
    text_characters: int = 0
    """Letters that were read: Markdown without any still says where a picture was."""
    tables: int = 0
    elapsed_s: float = 0.0
    peak_memory_bytes: int = 0
    """While it was converted on Linux; since the process began elsewhere."""
    warnings: tuple[str, ...] = ()
    """What libraries logged meanwhile."""
    markdown: str | None = None
    pictures: tuple[ConvertedPage, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether docling calls it a success, whole and without errors."""
        return self.status == "success" and not self.errors and not self.fault

    @property
    def is_empty(self) -> bool:
        """Whether it is a success that read nothing."""
        return self.succeeded and not self.text_characters

    @property
    def is_at_fault(self) -> bool:
        """Whether the document, and nothing on this machine, is why it was not converted."""
        return bool(self.fault) and self.fault not in NOT_THE_DOCUMENT

    @property
    def outcome(self) -> str:
        """What came of it, in a word."""
        if self.is_empty:
            return "empty"
        return "ok" if self.succeeded else self.fault or self.status

    def story(self) -> str:
        """Name the document and say what came of it, in one sentence."""
        return f"{self.name}: {self.said or '; '.join(self.errors) or self.status}"

    def row(self) -> tuple[str, ...]:
        """Return its row of the table."""
        pages = f"{self.pages_converted} of {self.page_count}" if self.page_count else "-"
        peak = format_bytes(self.peak_memory_bytes) if self.peak_memory_bytes else "-"
        notes = self.said or "; ".join((*self.errors, *self.warnings))
        return (self.name, self.outcome, pages, format_seconds(self.elapsed_s), peak, str(self.characters), notes)


class AskedAfterwards(Value):
    """What was known, and what docling says itself."""

    known: tuple[str, ...]
    asked: tuple[str, ...] = ()
    missing: bool = False
    """Whether docling says that it lacks something."""
    problem: Masked = ""
    """Why docling was not asked, or could not be; empty when it was."""
    kept: bool = True
    """Whether its answer could be kept beside the models."""


class ConvertFacts(Facts):
    """What stage convert did."""

    document: str
    """What was asked for: the name of a file, a folder or a pattern."""
    covers: tuple[str, ...] = ()
    """What of the pipeline takes part: `layout`, `tables`, `OCR by rapidocr with onnxruntime`; empty when unknown."""
    ocr: bool
    ocr_reason: str
    documents: tuple[ConvertedDocument, ...] = ()
    """Empty when the pipeline could not be run."""
    timings_s: dict[str, float] = Field(default_factory=dict)
    refused_connections: tuple[str, ...] = ()
    skipped: str = ""
    """Why the pipeline was not tried; empty when it was."""
    problem: str = ""
    """Why the pipeline did not start, or did not come to its end."""
    remedy: str = ""
    quirk: str = ""
    peak_memory_bytes: int = 0
    sentences_missing: tuple[str, ...] = ()
    sentences_known: int = 0
    """How many sentences of the document are known beforehand; none for a document of the user's own."""
    models: AskedAfterwards | None = None
    """Which models docling itself asks for, where stage detect knew it without asking; None where it asked."""

    def scope(self) -> str:
        """Return what a success proves: `layout, tables and OCR ...; 2 documents: 1 born digital, 1 scanned`."""
        *others, last = self.covers or ("the pipeline",)
        parts = f"{', '.join(others)} and {last}" if others else last
        done = [document for document in self.documents if document.succeeded and not document.is_empty]
        kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(one.kind for one in done if one.kind).items())
        return f"{parts}; {len(done)} document{'' if len(done) == 1 else 's'}" + (f": {kinds}" if kinds else "")

    def sections(self) -> Sequence[Section]:
        """Return the result, the documents and the timings."""
        if not self.documents:
            seen = ("skipped", self.skipped) if self.skipped else ("problem", self.problem)
            return (Table("Conversion", ("what", "seen"), (seen,)),)
        result = (
            ("document", self.document),
            ("proven", self.scope()),
            ("OCR", "on" if self.ocr else self.ocr_reason),
            ("connections refused", ", ".join(self.refused_connections) or "none was tried"),
            ("peak memory", format_bytes(self.peak_memory_bytes)),
        )
        columns = ("document", "status", "pages", "took", "peak memory", "characters", "said")
        names = {"import_s": "import docling", "load_s": "load the models", "first_s": "first", "second_s": "second"}
        times = tuple((names[key], format_seconds(value)) for key, value in self.timings_s.items())
        return (
            Table("Conversion", ("what", "seen"), result),
            Table("Documents", columns, tuple(document.row() for document in self.documents)),
            Table("Timings", ("step", "took"), times),
        )
