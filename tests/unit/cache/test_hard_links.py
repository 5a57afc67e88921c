"""One file under two names."""

import os
from pathlib import Path

import pytest

from runbook_lib.cache.hard_links import TEMPORARY_SUFFIX, put_link, regular_file_inside
from runbook_lib.cache.hashing import sha256_of


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_target_becomes_another_name_of_the_source(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"right")
    target.write_bytes(b"wrong")
    put_link(source, source.stat(), target)
    assert target.read_bytes() == b"right"
    assert source.samefile(target)
    assert _names(tmp_path) == ["source", "target"]


def test_linking_what_is_linked_already_leaves_no_temporary_name(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"right")
    target.hardlink_to(source)
    put_link(source, source.stat(), target)
    assert _names(tmp_path) == ["source", "target"]


def test_a_source_that_was_exchanged_since_it_was_looked_at_is_not_linked(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"looked at")
    facts = source.stat()
    (tmp_path / "other").write_bytes(b"slipped in")
    (tmp_path / "other").replace(source)
    with pytest.raises(FileNotFoundError, match="exchanged"):
        put_link(source, facts, target)
    assert _names(tmp_path) == ["source"]


_LINK = os.link


def _copy_up(source: Path, target: Path) -> None:
    """Do what overlayfs does to a lower file of several names: another inode under the old name, and its link."""
    content = source.read_bytes()
    source.unlink()
    source.write_bytes(content)
    _LINK(source, target)


def test_a_link_that_comes_out_as_another_inode_is_taken_when_it_holds_the_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"right")
    facts, etag = source.stat(), sha256_of(source)
    monkeypatch.setattr(os, "link", _copy_up)
    put_link(source, facts, target, etag)
    assert target.read_bytes() == b"right"
    assert source.samefile(target)
    assert _names(tmp_path) == ["source", "target"]


def test_a_link_to_another_content_is_not_taken(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"right")
    facts, etag = source.stat(), sha256_of(source)
    (tmp_path / "other").write_bytes(b"wrong")
    os.utime(tmp_path / "other", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (tmp_path / "other").replace(source)
    with pytest.raises(FileNotFoundError, match="exchanged"):
        put_link(source, facts, target, etag)
    assert _names(tmp_path) == ["source"]


def test_a_target_that_cannot_be_replaced_keeps_its_content(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"right")
    (target / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match=r"."):
        put_link(source, source.stat(), target)
    assert (target / "inside").is_dir()
    assert not list(tmp_path.glob(f".*{TEMPORARY_SUFFIX}"))


def test_only_a_regular_file_below_the_root_is_taken(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "file").write_bytes(b"x")
    (tmp_path / "outside").write_bytes(b"x")
    assert regular_file_inside(root / "file", root) == (root / "file").resolve()
    assert regular_file_inside(root / "folder", root) is None
    assert regular_file_inside(root / "missing", root) is None
    assert regular_file_inside(root / ".." / "outside", root) is None


@pytest.mark.skipif(os.name == "nt", reason="needs symlinks")
def test_links_are_followed_and_must_end_below_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(b"x")
    (tmp_path / "outside").write_bytes(b"x")
    (root / "good").symlink_to("file")
    (root / "escaping").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nothing")
    assert regular_file_inside(root / "good", root) == (root / "file").resolve()
    assert [regular_file_inside(root / name, root) for name in ("escaping", "loop", "dangling")] == [None] * 3
