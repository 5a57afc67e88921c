"""Markdown out of a document: shown as it was meant, and unable to do anything."""

from html.parser import HTMLParser

import pytest

from runbook_lib.render.html import to_html
from runbook_lib.render.markdown import MAX_CHARACTERS, to_safe_html
from runbook_lib.render.sections import Figure, Preformatted, Spread
from runbook_lib.render.text import to_text

HARMLESS = {
    "h1",
    "h2",
    "p",
    "ul",
    "li",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "strong",
    "em",
    "code",
    "pre",
    "hr",
    "br",
}


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_headings_lists_and_tables_are_shown_as_such() -> None:
    html = to_safe_html("# Title\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    tags = Tags(html).tags
    assert {"h1", "ul", "li", "table", "th", "td"} <= set(tags)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "text <b onmouseover=alert(1)>here</b>",
        "[click](javascript:alert(1))",
        "[click](https://tracker.invalid/)",
        "![picture](https://tracker.invalid/pixel.png)",
        "<https://tracker.invalid/>",
        "[ref]\n\n[ref]: https://tracker.invalid/",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "```\n</code></pre><script>alert(1)</script>\n```",
        "| <script>alert(1)</script> |\n|---|\n| <iframe src=x> |",
        "<!-- image -->",
    ],
)
def test_hostile_markdown_is_shown_as_text_and_leads_nowhere(hostile: str) -> None:
    seen = Tags(to_safe_html(hostile))
    assert set(seen.tags) <= HARMLESS
    assert seen.attributes == []
    assert seen.text.strip()


def test_a_page_too_long_to_read_is_shortened_and_says_so() -> None:
    html = to_safe_html("word " * MAX_CHARACTERS)
    assert len(html) < MAX_CHARACTERS + 100
    assert "(shortened)" in html


def test_a_spread_shows_picture_and_markdown_side_by_side() -> None:
    spread = Spread("Page 1", Figure("Page 1", b"\x89PNG", "a <page>"), "# T\n\n<b>x</b>")
    html = to_html((spread,))
    left, right = html.split("</td>")[:2]
    assert 'alt="a &lt;page&gt;"' in left
    assert "<h1>T</h1>" in right
    assert "&lt;b&gt;x&lt;/b&gt;" in right
    assert to_text((spread,)) == "Page 1\n------\n[picture] a <page>\n\n# T\n\n<b>x</b>"


def test_spaces_of_a_tree_are_kept_and_its_names_escaped() -> None:
    tree = Preformatted("Tree", ("|-- a  <b>", "    `-- c"))
    assert to_html((tree,)) == "<section>\n<h4>Tree</h4>\n<pre>|-- a  &lt;b&gt;\n    `-- c</pre>\n</section>"
    assert to_text((tree,)) == "Tree\n----\n|-- a  <b>\n    `-- c"
