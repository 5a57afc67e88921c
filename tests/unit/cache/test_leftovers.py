"""What a download left that did not end well."""

import pytest
from filelock import FileLock

from runbook_lib.cache.leftovers import leftovers_removed
from runbook_lib.cache.locks import blob_lock
from tests.unit.cache_layouts import CacheLayout


def test_only_new_partial_files_that_nobody_writes_are_removed(unshared: CacheLayout) -> None:
    repo = unshared.repo("org/name")
    repo.blobs.mkdir(parents=True)
    old, new, busy = (repo.blobs / f"{name}.12345678.incomplete" for name in ("0ld", "new", "busy"))
    old.write_bytes(b"x")
    lock = blob_lock(repo.cache_dir, repo.folder.name, "busy")
    lock.parent.mkdir(parents=True)
    with FileLock(lock), leftovers_removed(repo):
        new.write_bytes(b"x")
        busy.write_bytes(b"x")
    assert repo.leftovers() == (old, busy)


def test_what_an_older_hub_would_go_on_with_stays(unshared: CacheLayout) -> None:
    repo = unshared.repo("org/name")
    repo.blobs.mkdir(parents=True)
    with leftovers_removed(repo):
        (repo.blobs / "0123abcd.incomplete").write_bytes(b"x")
    assert [path.name for path in repo.leftovers()] == ["0123abcd.incomplete"]


def test_a_block_that_is_interrupted_leaves_none_either(unshared: CacheLayout) -> None:
    repo = unshared.repo("org/name")
    repo.blobs.mkdir(parents=True)

    def interrupted() -> None:
        with leftovers_removed(repo):
            (repo.blobs / "new.12345678.incomplete").write_bytes(b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert repo.leftovers() == ()
