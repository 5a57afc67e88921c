"""The notebooks as a course, and as documents on GitHub."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib.course.exercises import EXERCISES

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LESSONS = [path for path in NOTEBOOKS if path.stem < "90"]
DOCUMENTS = sorted({ROOT / "README.md", ROOT / "notebooks" / "README.md", *(ROOT / "docs").glob("*.md")})
MOST_BYTES = 300_000
LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])
each_page = pytest.mark.parametrize(
    "path", [*DOCUMENTS, *NOTEBOOKS], ids=lambda path: path.relative_to(ROOT).as_posix()
)


def cells(path: Path) -> list[Any]:
    return list(nbformat.read(path, as_version=4).cells)


def prose(path: Path) -> str:
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n\n".join(cell.source for cell in cells(path) if cell.cell_type == "markdown")


def anchors(path: Path) -> set[str]:
    """Return the anchors GitHub gives a page: one for each heading, and those written into it."""
    text = prose(path)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


@each_notebook
def test_a_stored_notebook_is_small_enough_to_be_shown(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES


@each_page
def test_links_lead_to_a_page_and_a_place_on_it(path: Path) -> None:
    for target in LINK.findall(CODE.sub("", prose(path))):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        page = (path.parent / name).resolve() if name else path
        assert page.exists(), target
        if anchor:
            assert anchor in anchors(page), target


@each_notebook
def test_pictures_have_words_and_are_stored_with_the_notebook(path: Path) -> None:
    for cell in cells(path):
        for output in cell.get("outputs", ()):
            html = str(output.get("data", {}).get("text/html", ""))
            for image in re.findall(r"<img [^>]*>", html):
                assert re.search(r'alt="[^"]{5,}"', image)
                assert 'src="data:image/png;base64,' in image
            if "image/png" in output.get("data", {}):
                assert output.data["text/plain"].startswith("[picture] ")


def test_the_first_notebook_draws_the_stages_and_names_every_lesson() -> None:
    text = prose(ROOT / "notebooks" / "00_start_here.ipynb")
    assert "```mermaid\nflowchart" in text
    assert all(f"({path.name})" in text for path in LESSONS[1:])


@each_lesson
def test_a_lesson_ends_with_what_you_know_now_and_where_next(path: Path) -> None:
    *_, result, following = re.split(r"^## ", prose(path), flags=re.MULTILINE)
    assert "You now know" in result + following
    assert ".ipynb)" in following


def test_the_glossary_is_linked_where_the_course_begins() -> None:
    linking = {path.stem for path in NOTEBOOKS if "(../docs/glossary.md)" in prose(path)}
    assert {"00_start_here", "01_detect", "03_download"} <= linking


def checked_answers(path: Path) -> Iterator[tuple[Any, str]]:
    """Yield each cell that checks an answer, and the number of its exercise."""
    for cell in cells(path):
        if cell.cell_type == "code" and "check_answer(" in cell.source:
            (call,) = (
                node
                for node in ast.walk(ast.parse(cell.source))
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "check_answer"
            )
            yield cell, str(ast.literal_eval(call.args[0]))


@each_lesson
def test_a_lesson_asks_what_its_prose_says_and_stores_no_answer(path: Path) -> None:
    asked = list(checked_answers(path))
    assert asked
    for cell, number in asked:
        assert number.startswith(path.stem[:2])
        assert f"**{number}.**" in prose(path)
        assert cell.metadata.tags == ["exercise"]
        assert re.search(r'^answer(_\d)? = ""$', cell.source, re.MULTILINE)


def test_every_exercise_is_asked_once() -> None:
    assert sorted(number for path in LESSONS for _, number in checked_answers(path)) == sorted(EXERCISES)


GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
WORDS = """
    artifacts folder, blob, check, commit, etag, hard link, inode, kernel, LFS, parameter, record, ref, revision,
    snapshot, stage, symlink, worker
"""


@pytest.mark.parametrize("word", re.split(r",\s*", WORDS.strip()))
def test_the_glossary_explains_the_word(word: str) -> None:
    assert f"| {word} |" in GLOSSARY


def test_the_glossary_says_each_word_once_and_in_ascii() -> None:
    words = re.findall(r"^\| ([^|]+?) \|", GLOSSARY, re.MULTILINE)
    words = [word for word in words if word not in ("word", "---") and not word.startswith("---")]
    assert len(words) == len(set(words))
    assert GLOSSARY.isascii()
