"""What downloads left that did not end well."""

import os
import time
from pathlib import Path

import pytest
from filelock import FileLock

from runbook_lib.cache.incomplete_files import (
    OLD_AFTER_S,
    abandoned,
    in_model_folder,
    in_repository,
    new_ones_removed,
    remove,
)
from runbook_lib.cache.locks import blob_lock, download_lock
from tests.unit.cache_layouts import CacheLayout


def test_only_new_partial_files_that_nobody_writes_are_removed(unshared: CacheLayout) -> None:
    repo = unshared.repo("org/name")
    repo.blobs.mkdir(parents=True)
    old, new, busy = (repo.blobs / f"{name}.12345678.incomplete" for name in ("0ld", "new", "busy"))
    old.write_bytes(b"x")
    lock = blob_lock(repo.cache_dir, repo.folder.name, "busy")
    lock.parent.mkdir(parents=True)
    with FileLock(lock), new_ones_removed(repo):
        new.write_bytes(b"x")
        busy.write_bytes(b"x")
    assert [file.path for file in in_repository(repo)] == [old, busy]


def test_what_an_older_hub_would_go_on_with_stays(unshared: CacheLayout) -> None:
    repo = unshared.repo("org/name")
    repo.blobs.mkdir(parents=True)
    with new_ones_removed(repo):
        (repo.blobs / "0123abcd.incomplete").write_bytes(b"x")
    assert [file.path.name for file in in_repository(repo)] == ["0123abcd.incomplete"]


def test_a_block_that_is_interrupted_leaves_none_either(unshared: CacheLayout) -> None:
    repo = unshared.repo("org/name")
    repo.blobs.mkdir(parents=True)

    def interrupted() -> None:
        with new_ones_removed(repo):
            (repo.blobs / "new.12345678.incomplete").write_bytes(b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert in_repository(repo) == ()


ETAG = "a" * 64


def old(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    os.utime(path, (time.time() - OLD_AFTER_S - 60,) * 2)
    return path


def test_abandoned_ones_are_found_in_the_cache_and_in_folders_downloaded_to(
    unshared: CacheLayout, tmp_path: Path
) -> None:
    repo, artifacts = unshared.repo("org/name"), tmp_path / "artifacts"
    in_cache = old(repo.blobs / f"{ETAG}.12345678.incomplete")
    in_folder = old(artifacts / "org--name" / ".cache" / "huggingface" / "download" / f"h=.{ETAG}.12345678.incomplete")
    fresh = repo.blobs / f"{'b' * 64}.12345678.incomplete"
    fresh.write_bytes(b"half")
    assert [file.path for file in abandoned(unshared.cache_dir, artifacts)] == [in_cache, in_folder]
    assert [file.path for file in in_model_folder(artifacts / "org--name")] == [in_folder]


@pytest.mark.parametrize(
    ("name", "resumable"),
    [
        (f"{ETAG}.incomplete", True),
        (f"{ETAG}.12345678.incomplete", False),
        (f"hash=.{ETAG}.incomplete", True),
        (f"hash=.{ETAG}.12345678.incomplete", False),
    ],
)
def test_what_an_older_hub_goes_on_with_is_told_by_its_name(unshared: CacheLayout, name: str, resumable: bool) -> None:
    repo = unshared.repo("org/name")
    old(repo.blobs / name)
    (file,) = in_repository(repo)
    assert file.is_resumable is resumable


def test_one_that_a_download_holds_stays_and_another_goes(unshared: CacheLayout) -> None:
    repo = unshared.repo("org/name")
    path = old(repo.blobs / f"{ETAG}.12345678.incomplete")
    (file,) = in_repository(repo)
    for lock in (download_lock(repo.cache_dir), blob_lock(repo.cache_dir, repo.folder.name, ETAG)):
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            assert not remove(repo.cache_dir, file)
        assert path.exists()
    assert remove(repo.cache_dir, file)
    assert not path.exists()


def test_in_a_folder_downloaded_to_the_lock_beside_it_counts(unshared: CacheLayout, tmp_path: Path) -> None:
    notes = tmp_path / "org--name" / ".cache" / "huggingface" / "download"
    path = old(notes / f"h=.{ETAG}.12345678.incomplete")
    (file,) = in_model_folder(tmp_path / "org--name")
    with FileLock(notes / "model.safetensors.lock"):
        assert not remove(unshared.cache_dir, file)
    assert path.exists()
    assert remove(unshared.cache_dir, file)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is refused to root")
def test_what_the_system_refuses_is_said(unshared: CacheLayout) -> None:
    repo = unshared.repo("org/name")
    old(repo.blobs / f"{ETAG}.12345678.incomplete")
    (file,) = in_repository(repo)
    repo.blobs.chmod(0o500)
    with pytest.raises(PermissionError):
        remove(repo.cache_dir, file)
    repo.blobs.chmod(0o700)
