"""Locks between processes."""

import errno
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runbook_lib.cache import locks as file_lock
from runbook_lib.cache.locks import blob_lock, download_lock, hold
from runbook_lib.errors import DiskError
from runbook_lib.practice import denied_calls

_HOLDER = """
import filelock, sys
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def _held_by_another_process(path: Path) -> "subprocess.Popen[str]":
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", _HOLDER, str(path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_held_lock_is_waited_for_and_the_waiting_is_said(tmp_path: Path) -> None:
    path, said = download_lock(tmp_path), list[str]()
    with _held_by_another_process(path) as holder:
        assert holder.stdin is not None
        threading.Timer(0.3, holder.stdin.close).start()
        with hold(path, "a download", limit_s=30, say=said.append):
            assert said[0] == "waiting for another process: a download, 0 s of at most 30 s"
        holder.wait(10)


def test_a_lock_held_to_the_limit_ends_in_one_clear_error(tmp_path: Path) -> None:
    path = download_lock(tmp_path)
    with _held_by_another_process(path) as holder:
        started = time.monotonic()
        with (
            pytest.raises(DiskError, match=r"a download is going on in another process") as caught,
            hold(path, "a download", limit_s=0.4),
        ):
            pytest.fail("the lock was had twice")
        assert time.monotonic() - started < 5
        assert str(path) in caught.value.why
        holder.kill()


def test_a_free_lock_is_had_at_once_and_given_back(tmp_path: Path) -> None:
    path, said = blob_lock(tmp_path, "models--org--name", "0" * 64), list[str]()
    for _ in range(2):
        with hold(path, "a download", limit_s=0, say=said.append):
            pass
    assert said == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_needs_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(file_lock, "FileLock", _failing(number))
    with hold(tmp_path / "lock", "a download", limit_s=0):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_gets_a_marker_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(file_lock, "FileLock", _failing(number))
    with hold(tmp_path / "lock", "a download", limit_s=5):
        assert [path.name for path in tmp_path.iterdir()] == ["lock.soft"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="flock is denied by seccomp")
def test_a_file_system_that_refuses_every_lock_is_told_at_once_and_not_waited_for(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from runbook_lib.cache.locks import hold\n"
    code += "with hold(Path(sys.argv[1]), 'a download', limit_s=300): pass"
    launcher = [sys.executable, denied_calls.__file__, "--errno", str(errno.EACCES), "--calls", "flock", "--"]
    command = [*launcher, sys.executable, "-c", code, str(tmp_path / "lock")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode == denied_calls.CANNOT_DENY:
        pytest.skip(done.stderr)
    assert "DiskError: No file in" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def _failing(number: int) -> object:
    def make(path: Path, **_options: object) -> object:
        raise OSError(number, "refused", str(path))

    return make
