"""Which files the setting `document` stands for."""

from pathlib import Path

import pytest

from runbook_lib.errors import SettingsError
from runbook_lib.run.documents import find_documents
from runbook_lib.run.setting_sources import resolve_settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as people have them: documents, and what programs leave beside them."""
    folder = tmp_path / "my docs ä [1]"
    names = ("b.pdf", "a.docx", "sub/c.pdf", ".hidden.pdf", ".git/d.pdf", "~$a.docx", "Thumbs.db", "100% #1.pdf")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def names(folder: Path, named: str) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_documents(named)]


def test_a_folder_stands_for_its_documents_and_not_for_what_lies_beside_them(folder: Path) -> None:
    assert names(folder, str(folder)) == ["100% #1.pdf", "a.docx", "b.pdf", "sub/c.pdf"]


def test_a_file_is_itself_even_with_the_name_of_a_pattern(tmp_path: Path) -> None:
    path = tmp_path / "report[1].pdf"
    path.write_bytes(b"x")
    assert find_documents(str(path)) == (path,)


def test_a_pattern_stands_for_the_files_it_matches(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.docx", "sub/c.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.pdf").mkdir()
    assert names(tmp_path, str(tmp_path / "*.pdf")) == ["a.pdf"]
    assert names(tmp_path, str(tmp_path / "**" / "*.pdf")) == ["a.pdf", "sub/c.pdf"]


@pytest.mark.parametrize("name", ["nothing.pdf", "*.pdf", "empty"])
def test_what_stands_for_no_document_is_refused_before_anything_starts(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="Parameter 'document'"):
        resolve_settings({"document": str(tmp_path / name)}, environ={}, file=tmp_path / "runbook.toml")


def test_a_pattern_is_kept_from_where_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.pdf").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    settings = resolve_settings({"document": "*.pdf"}, environ={}, file=tmp_path / "runbook.toml").values
    assert settings.document == str(tmp_path / "*.pdf")
