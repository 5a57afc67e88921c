"""Counting by inode."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runbook_lib.cache.disk_usage import DiskUsage, allocated, freed_bytes

KIB = 1024
needs_symlinks = pytest.mark.skipif(os.name == "nt", reason="symlinks need a privilege there")


def make(path: Path, size_bytes: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size_bytes)
    return path


def test_a_folder_that_does_not_exist_takes_nothing(tmp_path: Path) -> None:
    usage = DiskUsage().add_tree(tmp_path / "none")
    assert (usage.file_count, usage.logical_bytes, usage.allocated_bytes) == (0, 0, 0)


def test_files_are_counted_in_every_folder(tmp_path: Path) -> None:
    make(tmp_path / "a", 64 * KIB)
    make(tmp_path / "b" / "c" / "d", 64 * KIB)
    usage = DiskUsage().add_tree(tmp_path)
    assert (usage.file_count, usage.logical_bytes) == (2, 128 * KIB)
    assert usage.allocated_bytes >= 128 * KIB


def test_a_hard_link_is_a_second_name_and_takes_nothing(tmp_path: Path) -> None:
    make(tmp_path / "blob", 64 * KIB)
    alone = DiskUsage().add_tree(tmp_path).allocated_bytes
    os.link(tmp_path / "blob", tmp_path / "again")
    usage = DiskUsage().add_tree(tmp_path)
    assert (usage.file_count, usage.logical_bytes, usage.allocated_bytes) == (2, 128 * KIB, alone)


def test_what_two_folders_share_is_known(tmp_path: Path) -> None:
    make(tmp_path / "cache" / "weights", 64 * KIB)
    make(tmp_path / "cache" / "config", 8 * KIB)
    make(tmp_path / "artifacts" / "config", 8 * KIB)
    os.link(tmp_path / "cache" / "weights", tmp_path / "artifacts" / "weights")
    cache = DiskUsage().add_tree(tmp_path / "cache")
    artifacts = DiskUsage().add_tree(tmp_path / "artifacts")
    shared = cache.shared_with(artifacts)
    assert shared == artifacts.shared_with(cache)
    assert 64 * KIB <= shared < cache.allocated_bytes


@needs_symlinks
def test_a_symlink_counts_as_a_link_and_is_not_followed(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere" / "blob", 64 * KIB)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "elsewhere" / "blob")
    (tmp_path / "tree" / "folder").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "tree" / "dangling").symlink_to("nowhere")
    usage = DiskUsage().add_tree(tmp_path / "tree")
    assert usage.file_count == 3
    assert usage.allocated_bytes < 64 * KIB


@needs_symlinks
def test_the_folder_itself_may_be_a_symlink(tmp_path: Path) -> None:
    make(tmp_path / "real" / "blob", 64 * KIB)
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert DiskUsage().add_tree(tmp_path / "link").file_count == 1


@pytest.mark.skipif(os.name == "nt", reason="the system does not tell")
def test_a_sparse_file_takes_what_is_allocated(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(64 * KIB * KIB)
    usage = DiskUsage().add_tree(tmp_path)
    assert usage.logical_bytes == 64 * KIB * KIB
    assert usage.allocated_bytes < KIB * KIB


def test_where_the_system_tells_no_blocks_the_length_counts() -> None:
    facts: Any = SimpleNamespace(st_size=1234)
    assert allocated(facts) == 1234


def test_a_file_is_freed_with_its_last_name(tmp_path: Path) -> None:
    first = make(tmp_path / "first", 64 * KIB)
    second = tmp_path / "second"
    os.link(first, second)
    assert freed_bytes([first.lstat()]) == 0
    assert freed_bytes([first.lstat(), second.lstat()]) == allocated(first.lstat())


@needs_symlinks
def test_a_link_frees_nothing_of_what_it_leads_to(tmp_path: Path) -> None:
    make(tmp_path / "blob", 64 * KIB)
    (tmp_path / "link").symlink_to("blob")
    assert freed_bytes([(tmp_path / "link").lstat()]) == 0
