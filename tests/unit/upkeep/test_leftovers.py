from filelock import FileLock

from runbook_lib.adapters.file_lock import blob_lock
from runbook_lib.upkeep.leftovers import leftovers_of, remove_leftovers
from tests.unit.cache_layouts import CacheLayout


def test_only_new_partial_files_that_nobody_writes_are_removed(unshared: CacheLayout) -> None:
    repo = unshared.repo("org/name")
    repo.blobs.mkdir(parents=True)
    old, new, busy = (repo.blobs / f"{name}.12345678.incomplete" for name in ("old", "new", "busy"))
    old.write_bytes(b"x")
    before = leftovers_of((repo,))
    new.write_bytes(b"x")
    busy.write_bytes(b"x")
    lock = blob_lock(repo.cache_dir, repo.folder.name, "busy")
    lock.parent.mkdir(parents=True)
    with FileLock(lock):
        assert remove_leftovers((repo,), keep=before) == (new,)
    assert old.exists()
    assert busy.exists()
    assert not new.exists()
