"""What stage convert did."""

from collections.abc import Sequence

from runbook_lib.core.value import Value
from runbook_lib.render.sections import Section, Table
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.record import Facts


class ConvertedPage(Value):
    """One page: its picture with the layout boxes, and the labels of the boxes in reading order."""

    page_no: int
    name: str | None
    boxes: tuple[str, ...]
    markdown: str | None = None
    """Name of the file with the page's Markdown."""


class Conversion(Value):
    """What docling returned."""

    status: str
    errors: tuple[str, ...]
    page_count: int
    pages_converted: int
    characters: int
    tables: int
    pictures: tuple[ConvertedPage, ...]
    timings_s: dict[str, float]
    refused_connections: tuple[str, ...]


class ConvertFacts(Facts):
    """What stage convert did."""

    document: str
    ocr: bool
    ocr_reason: str
    conversion: Conversion | None
    """None when the pipeline could not be run."""
    skipped: str = ""
    """Why the pipeline was not tried; empty when it was."""
    problem: str = ""
    remedy: str = ""
    quirk: str = ""
    peak_memory_bytes: int = 0
    sentences_missing: tuple[str, ...] = ()
    sentences_known: int = 0
    """How many sentences of the document are known beforehand; none for a document of the user's own."""

    def sections(self) -> Sequence[Section]:
        """Return the result and the timings."""
        done = self.conversion
        if done is None:
            return (
                Table(
                    "Conversion",
                    ("what", "seen"),
                    (("skipped", self.skipped) if self.skipped else ("problem", self.problem),),
                ),
            )
        result = (
            ("document", self.document),
            ("status", done.status),
            ("pages", f"{done.pages_converted} of {done.page_count}"),
            ("tables", str(done.tables)),
            ("Markdown", f"{done.characters} characters"),
            ("OCR", "on" if self.ocr else self.ocr_reason),
            ("connections refused", ", ".join(done.refused_connections) or "none was tried"),
            ("peak memory", format_bytes(self.peak_memory_bytes)),
        )
        names = {"import_s": "import docling", "load_s": "load the models", "first_s": "first", "second_s": "second"}
        times = tuple((names[key], format_seconds(value)) for key, value in done.timings_s.items())
        return (Table("Conversion", ("what", "seen"), result), Table("Timings", ("step", "took"), times))
