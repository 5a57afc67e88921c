"""Walking a tree."""

import os
from pathlib import Path

import pytest

from runbook_lib.cache.walk import folders_in, names_in, walk, walk_top

needs_symlinks = pytest.mark.skipif(os.name == "nt", reason="symlinks need a privilege there")


def make(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_the_files_of_a_folder_come_before_its_subfolders_each_sorted(tmp_path: Path) -> None:
    make(*(tmp_path / name for name in ("b/z", "b/a/deep", "c", "a/x", "a2", "a/b/y")))
    assert [name for name, _st in walk(tmp_path)] == ["a2", "c", "a/x", "a/b/y", "b/z", "b/a/deep"]
    assert [name for name, _st in walk_top(tmp_path)] == ["a2", "c"]


def test_what_does_not_exist_or_is_a_file_holds_nothing(tmp_path: Path) -> None:
    make(tmp_path / "file")
    for top in (tmp_path / "none", tmp_path / "file"):
        assert (list(walk(top)), folders_in(top), names_in(top)) == ([], (), ())


@needs_symlinks
def test_links_are_yielded_and_not_followed_but_at_the_top(tmp_path: Path) -> None:
    make(tmp_path / "real" / "file")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "folder").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "tree" / "round").symlink_to(tmp_path / "tree", target_is_directory=True)
    (tmp_path / "top").symlink_to(tmp_path / "tree", target_is_directory=True)
    assert [name for name, _st in walk(tmp_path / "top")] == ["folder", "round"]
    assert folders_in(tmp_path / "top") == (tmp_path / "top" / "folder", tmp_path / "top" / "round")


def test_the_inode_is_told_on_every_system(tmp_path: Path) -> None:
    make(tmp_path / "one")
    os.link(tmp_path / "one", tmp_path / "two")
    found = [(st.st_ino, st.st_nlink) for _name, st in walk(tmp_path)]
    assert found == [(os.lstat(tmp_path / "one").st_ino, 2)] * 2


def test_a_file_that_vanishes_meanwhile_does_not_hide_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "a", tmp_path / "b", tmp_path / "c")
    real = os.lstat
    monkeypatch.setattr("runbook_lib.cache.walk._lstat", lambda entry: real(entry.path))
    walked = walk(tmp_path)
    assert next(walked)[0] == "a"
    (tmp_path / "b").unlink()
    assert [name for name, _st in walked] == ["c"]
