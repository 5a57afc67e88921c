"""The drawn cache."""

from pathlib import Path

import pytest

from runbook_lib.course.cache_tree import cache_tree
from runbook_lib.system.filesystem import probe_symlink
from tests.unit.cache_layouts import CacheLayout

REPO = "org/name"
FIRST = {"config.json": b"1", "model.safetensors": b"w" * 2000}
SECOND = {**FIRST, "config.json": b"22"}


def drawn(mode: str, folder: Path) -> str:
    layout = CacheLayout(mode, folder / "hub")
    layout.add(REPO, FIRST)
    layout.add(REPO, SECOND)
    return str(cache_tree(layout.cache_dir))


def test_symlinks_are_arrows_to_blobs_that_both_revisions_share(tmp_path: Path) -> None:
    if not probe_symlink(tmp_path).works:
        pytest.skip("no symlinks here")
    weights = [line for line in drawn("symlink", tmp_path).splitlines() if "model.safetensors" in line]
    assert len(weights) == 2
    arrows = {line.split(" -> ")[1] for line in weights}
    assert len(arrows) == 1
    assert arrows.pop().startswith("../../blobs/")


def test_hard_links_name_each_other(tmp_path: Path) -> None:
    first, second = (line for line in drawn("hardlink", tmp_path).splitlines() if "model.safetensors  (2.0 KB" in line)
    assert ", one file with snapshots/" in first
    assert ", one file with snapshots/" in second
    assert first != second


def test_copies_stand_alone_beside_empty_blobs(tmp_path: Path) -> None:
    tree = drawn("copy", tmp_path)
    assert tree.count("model.safetensors  (2.0 KB)") == 2
    assert "one file with" not in tree
    assert "|-- blobs/\n|   (empty)" in tree


def test_refs_tell_the_commit_and_hashes_are_shortened(tmp_path: Path) -> None:
    layout = CacheLayout("copy", tmp_path / "hub")
    commit = layout.add(REPO, FIRST).commit
    tree = str(cache_tree(layout.cache_dir))
    assert f"`-- main = {commit[:8]}\n" in tree
    assert commit[:9] not in tree


def test_a_dangling_link_says_so(tmp_path: Path) -> None:
    if not probe_symlink(tmp_path).works:
        pytest.skip("no symlinks here")
    layout = CacheLayout("symlink", tmp_path / "hub")
    layout.add(REPO, FIRST)
    for blob in layout.repo(REPO).blobs.iterdir():
        blob.unlink()
    assert str(cache_tree(layout.cache_dir)).count("(nothing is there)") == 2


def test_the_tree_stays_readable_with_many_files_and_many_repositories(tmp_path: Path) -> None:
    layout = CacheLayout("copy", tmp_path / "hub")
    layout.add(REPO, {f"{number:03d}.txt": b"x" for number in range(60)})
    for number in range(8):
        layout.add(f"org/other-{number}", FIRST)
    tree = cache_tree(layout.cache_dir)
    assert "`-- and 20 more" in str(tree)
    assert len(tree.repositories) == 6
    assert tree.not_drawn == ("org/other-5", "org/other-6", "org/other-7")
    assert "org/other-7" in str(tree)


def test_an_empty_cache_says_what_fills_it(tmp_path: Path) -> None:
    assert "stage download fills it" in str(cache_tree(tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()
