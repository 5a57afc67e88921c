"""Reading a log: encodings, colours, lines of any length, one pass."""

from io import BytesIO

import pytest

from runbook_lib.quirks import log_text
from runbook_lib.quirks.log_text import LogReader


def text_of(data: bytes) -> str:
    return "".join(window.text[window.start : window.stop] for window in LogReader(BytesIO(data)).windows())


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("\u4e2d\u6587 \u00e4".encode(), "\u4e2d\u6587 \u00e4"),
        ("\ufeff\u00e4".encode(), "\u00e4"),
        ("\u4e2d \u00e4\n".encode("utf-16"), "\u4e2d \u00e4\n"),
        (b"\xfe\xff" + "\u4e2d \u00e4\n".encode("utf-16-be"), "\u4e2d \u00e4\n"),
        ("Pr\u00fcfung \u20ac".encode("cp1252"), "Pr\u00fcfung \u20ac"),
        ("eins \u4e2d\n".encode() + "zwei \u00e4\n".encode("cp1252"), "eins \u4e2d\nzwei \u00e4\n"),
        (b"", ""),
        (b"\xff", "\u00ff"),
        (b"a\x00b", "a\x00b"),
    ],
    ids=["utf-8", "utf-8-bom", "utf-16-le", "utf-16-be", "cp1252", "mixed", "empty", "one-byte", "nul"],
)
def test_the_encoding_is_found(data: bytes, text: str) -> None:
    assert text_of(data) == text


def test_colours_titles_and_links_are_taken_out() -> None:
    assert text_of(b"\x1b[1;31mError\x1b[0m \x1b]8;;http://h\x1b\\link\x1b]8;;\x07 \x1b[2Kend") == "Error link end"


def test_the_windows_cover_a_long_log_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_text, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(log_text, "CONTEXT_CHARS", 300)
    data = "".join(f"line {number} \u00e4\u4e2d\n" for number in range(1, 2001)).encode()
    reader = LogReader(BytesIO(data))
    windows = list(reader.windows())
    assert len(windows) > 20
    assert "".join(window.text[window.start : window.stop] for window in windows).encode() == data
    for window in windows:
        at = window.text.index("line ", window.start)
        assert window.text[at:].startswith(f"line {window.line_number_at(at)} ")
    assert (reader.lines_read, reader.size_bytes) == (2000, len(data))
    assert [window.final for window in windows[-2:]] == [False, True]


@pytest.mark.parametrize("character", ["\u00e4", "\u4e2d", "\U0001f600"])
def test_a_line_longer_than_a_block_is_cut_between_characters(character: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_text, "BLOCK_BYTES", 1001)
    data = (character * 5000).encode()
    assert text_of(data) == character * 5000


@pytest.mark.parametrize(("data", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"a\n\n", 2)])
def test_lines_are_counted_as_an_editor_does(data: bytes, lines: int) -> None:
    reader = LogReader(BytesIO(data))
    list(reader.windows())
    assert reader.lines_read == lines


def test_a_log_in_cp1252_larger_than_a_block_keeps_its_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_text, "BLOCK_BYTES", 500)
    text = "Zugriff verweigert f\u00fcr M\u00fcller\n" * 200
    assert text_of(text.encode("cp1252")) == text
