"""Text and HTML of the same sections: equal words, every value escaped, the same bytes each time."""

import re
import unicodedata
from html import escape
from html.parser import HTMLParser

import pytest

from runbook_lib.render.html import to_html
from runbook_lib.render.rendered import show
from runbook_lib.render.sections import Addresses, Figure, Link, Note, Section, Table
from runbook_lib.render.text import to_text
from runbook_lib.render.values import format_bytes, format_seconds

HOSTILE = (
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m",
    "{x}",
    "a \"quoted\" & 'single'",
    "\u202egnp.exe",
    "a\x00b",
)

SECTIONS: tuple[Section, ...] = (
    Note("A note", ("first line", "second line")),
    Table("A table", ("status", "check", "evidence"), (("ok", "free space", "3 GB"), ("fail", "links", "errno 22"))),
    Table("An empty table", ("a", "b"), (), empty="nothing was found"),
    Figure("A picture", b"\x89PNG", "a bar of 3 MB"),
)

LEFT = ' style="text-align: left"'


class Words(HTMLParser):
    """Collects what a reader of the page sees, and the tags."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.words.append(dict(attrs)["alt"] or "")
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data)


def read(html: str) -> Words:
    parser = Words()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


def cells_of(text: str) -> list[str]:
    """Return the words of a text rendering, without rules and without the mark of pictures."""
    lines = (line for line in text.splitlines() if line.strip("-"))
    return [cell for line in lines for cell in re.split(r" {2,}", line.replace("[picture] ", ""))]


def test_text_and_html_say_the_same() -> None:
    assert cells_of(to_text(SECTIONS)) == read(to_html(SECTIONS)).words


def test_text_is_laid_out_like_this() -> None:
    assert to_text(SECTIONS) == (
        "A note\n------\nfirst line\nsecond line\n\n"
        "A table\n-------\n"
        "status  check       evidence\n"
        "ok      free space  3 GB\n"
        "fail    links       errno 22\n\n"
        "An empty table\n--------------\nnothing was found\n\n"
        "A picture\n---------\n[picture] a bar of 3 MB"
    )


def test_html_is_laid_out_like_this() -> None:
    assert to_html(SECTIONS[1:2]) == (
        "<section>\n<h4>A table</h4>\n<table>\n"
        f'<thead><tr><th scope="col"{LEFT}>status</th><th scope="col"{LEFT}>check</th>'
        f'<th scope="col"{LEFT}>evidence</th></tr></thead>\n'
        "<tbody>\n"
        f'<tr><td class="status-ok"{LEFT}><strong>ok</strong></td><td{LEFT}>free space</td><td{LEFT}>3 GB</td></tr>\n'
        f'<tr><td class="status-fail"{LEFT}><strong>fail</strong></td>'
        f"<td{LEFT}>links</td><td{LEFT}>errno 22</td></tr>\n"
        "</tbody>\n</table>\n</section>"
    )


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_shown_and_does_nothing(value: str) -> None:
    row = (value, value, Link(value, value), Addresses((value, f"https://example.org/{value}")))
    table = Table(value, ("status", value, "link", "see"), (row,))
    sections = (Note(value, (value,)), table, Figure(value, b"", value))
    tags = set(read(to_html(sections)).tags)
    assert tags <= {"section", "h4", "p", "table", "thead", "tbody", "tr", "th", "td", "strong", "img", "a"}
    assert "script" not in tags
    assert value in read(to_html(sections)).words
    text = to_text((*sections, Table("t", ("c",), (), empty=value)))
    assert [c for c in text if unicodedata.category(c) in {"Cc", "Cf"} and c != "\n"] == []


def test_a_link_shows_its_words_and_leads_to_its_target() -> None:
    table = Table("t", ("a", "b"), (("x", Link("quirk-001", "../docs/quirks.md#quirk-001")),))
    assert f'<td{LEFT}><a href="../docs/quirks.md#quirk-001">quirk-001</a></td>' in to_html((table,))
    assert to_text((table,)).endswith("x  quirk-001")


def test_web_addresses_are_links_that_open_apart_and_tell_the_page_nothing_of_this_one() -> None:
    table = Table("t", ("", "what"), (("see", Addresses(("https://a.example/1?x=1&y=2", "http://b.example/"))),))
    first = (
        '<a href="https://a.example/1?x=1&amp;y=2" target="_blank" rel="noopener">https://a.example/1?x=1&amp;y=2</a>'
    )
    second = '<a href="http://b.example/" target="_blank" rel="noopener">http://b.example/</a>'
    assert f"<td{LEFT}>{first} {second}</td>" in to_html((table,))
    assert to_text((table,)).endswith("https://a.example/1?x=1&y=2 http://b.example/")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,<b>", "file:///etc/passwd", "//a.example"])
def test_an_address_that_is_not_of_the_web_is_no_link(url: str) -> None:
    page = to_html((Table("t", ("see",), ((Addresses((url,)),),)),))
    assert "<a " not in page
    assert escape(url) in page


def test_text_keeps_harmless_signs() -> None:
    assert to_text((Note("t", ("{x} <b> & 'q' ü 模型",)),)).endswith("{x} <b> & 'q' ü 模型")


def test_a_line_feed_in_a_cell_does_not_break_the_table() -> None:
    assert "a / b" in to_text((Table("t", ("c", "d"), (("a\nb", "x"),)),))


@pytest.mark.parametrize("render", [to_text, to_html])
def test_equal_sections_give_equal_bytes(render: object) -> None:
    assert callable(render)
    assert render(SECTIONS) == render(SECTIONS)


def test_html_has_no_style_script_or_id() -> None:
    html = to_html(SECTIONS)
    assert not re.search(r"<style|<script|\sid=|\son\w+=", html)


def test_a_long_last_cell_wraps_under_itself() -> None:
    rows = (("x", "word " * 40),)
    lines = to_text((Table("t", ("a", "b"), rows),)).splitlines()[3:]
    assert len(lines) > 1
    assert all(line.startswith("   word") for line in lines[1:])
    assert all(len(line) <= 100 for line in lines)


def test_a_path_longer_than_the_line_stays_whole() -> None:
    path = "/data/" + "x" * 150
    assert path in to_text((Table("t", ("a", "b"), (("p", path),)),))


def test_a_row_must_fit_its_table() -> None:
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        Table("t", ("a", "b"), (("one",),))


def test_show_gives_a_notebook_both_forms() -> None:
    shown = show(*SECTIONS)
    assert shown._repr_mimebundle_() == {"text/plain": to_text(SECTIONS), "text/html": to_html(SECTIONS)}
    assert str(shown) == to_text(SECTIONS)


@pytest.mark.parametrize(
    ("size_bytes", "written"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (-1, "-1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 KB"),
        (1549, "1.5 KB"),
        (99_949, "99.9 KB"),
        (99_950, "100 KB"),
        (999_499, "999 KB"),
        (999_500, "1.0 MB"),
        (999_999, "1.0 MB"),
        (1_500_000, "1.5 MB"),
        (171_000_000, "171 MB"),
        (-2_000_000, "-2.0 MB"),
        (6_100_000_000, "6.1 GB"),
        (2_000_000_000_000, "2.0 TB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_sizes_are_written_in_decimal_units(size_bytes: int, written: str) -> None:
    assert format_bytes(size_bytes) == written


@pytest.mark.parametrize(
    ("elapsed_s", "written"),
    [
        (0.0, "0.00 s"),
        (0.004, "0.00 s"),
        (0.42, "0.42 s"),
        (9.99, "9.99 s"),
        (10.0, "10.0 s"),
        (12.34, "12.3 s"),
        (59.9, "59.9 s"),
        (60.0, "1 min 00 s"),
        (119.6, "2 min 00 s"),
        (245.2, "4 min 05 s"),
        (3600.0, "60 min 00 s"),
    ],
)
def test_durations_are_written_like_a_clock(elapsed_s: float, written: str) -> None:
    assert format_seconds(elapsed_s) == written


def test_a_folded_table_shows_its_title_until_it_is_opened() -> None:
    table = Table("All <settings>", ("name",), (("a & b",),), folded=True)
    page = to_html((table,))
    assert "<summary>All &lt;settings&gt;</summary>" in page
    assert "<h4>" not in page
    assert "a &amp; b" in page
    assert "a & b" in to_text((table,))
