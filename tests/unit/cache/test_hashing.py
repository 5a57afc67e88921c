"""Hashes against other implementations, in bounded memory, of regular files only."""

import hashlib
import os
import shutil
import subprocess
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from runbook_lib.cache.hashing import NotARegularFile, git_sha1_of, open_regular, sha256_of
from runbook_lib.cache.layout import ListedFile, Listing
from runbook_lib.stages.verify.compare import verify_folder
from runbook_lib.stages.verify.expected import ExpectedFile
from runbook_lib.stages.verify.hasher import Hasher
from runbook_lib.stages.verify.problems import ProblemKind
from runbook_lib.system.progress import Progress, progress_shown_by

BUFFER_BYTES = 256 * 1024
ALLOWED_BYTES = 8 * BUFFER_BYTES
posix = pytest.mark.skipif(os.name == "nt", reason="sparse files and POSIX file kinds")


@pytest.mark.parametrize("size_bytes", [0, 1, BUFFER_BYTES - 1, BUFFER_BYTES, BUFFER_BYTES + 1, 3 * BUFFER_BYTES])
def test_the_hashes_are_those_of_sha256_and_of_a_git_blob(tmp_path: Path, size_bytes: int) -> None:
    content = os.urandom(size_bytes)
    path = tmp_path / "file"
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()
    assert git_sha1_of(path) == hashlib.sha1(b"blob %d\0" % size_bytes + content).hexdigest()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_itself_gives_the_same_id(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content\r\n")
    told = subprocess.run(["git", "hash-object", "--no-filters", path], capture_output=True, text=True, check=True)
    assert git_sha1_of(path) == told.stdout.strip()


@posix
def test_two_gigabytes_are_hashed_and_looked_at_in_two_megabytes(tmp_path: Path) -> None:
    size_bytes = 2 << 30
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.truncate(size_bytes)
    listed = ListedFile(path=path.name, size_bytes=size_bytes, git_sha1="0" * 40, sha256="0" * 64)
    tracemalloc.start()
    (problem,) = verify_folder(tmp_path, Listing(repo_id="a/b", revision="main", commit="0" * 40, files=(listed,)))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert problem.kind is ProblemKind.NUL_FILLED
    assert "a7c744c13cc101ed66c29f672f92455547889cc586ce6d44fe76ae824958ea51" in problem.evidence
    assert peak_bytes < ALLOWED_BYTES


@posix
@pytest.mark.timeout(20)
def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotARegularFile, match="a named pipe stands there"):
        sha256_of(tmp_path / "pipe")


@posix
def test_a_refused_file_leaves_no_descriptor_open(tmp_path: Path) -> None:
    before = psutil.Process().num_fds()
    for _ in range(20):
        with pytest.raises(NotARegularFile, match="a folder stands there"):
            open_regular(tmp_path)
    assert psutil.Process().num_fds() == before


def test_names_of_one_inode_are_read_once_and_a_failure_is_kept_for_its_file(tmp_path: Path) -> None:
    first, second, gone = (tmp_path / name for name in ("first", "second", "gone"))
    first.write_bytes(b"content")
    os.link(first, second)
    gone.write_bytes(b"going")
    hasher = Hasher()
    keys = [hasher.order(path, path.stat(), "sha256") for path in (first, second, gone)]
    gone.unlink()
    hasher.run()
    assert keys[0] == keys[1]
    assert hasher.ordered_bytes == len(b"content") + len(b"going")
    assert hasher.hash_of(keys[0]) == hashlib.sha256(b"content").hexdigest()
    with pytest.raises(FileNotFoundError):
        hasher.hash_of(keys[2])


def test_hashing_says_how_many_bytes_are_read(tmp_path: Path) -> None:
    path, told = tmp_path / "weights", Told()
    path.write_bytes(bytes(3_000_000))
    hasher = Hasher()
    hasher.order(path, path.stat(), "sha256")
    with progress_shown_by(told.step):
        hasher.run()
    assert told.total_bytes == 3_000_000
    assert told.done_bytes[0] <= BUFFER_BYTES
    assert told.done_bytes[-1] == 3_000_000


class Told:
    """A view that remembers what it is told."""

    def __init__(self) -> None:
        self.total_bytes, self.done_bytes = 0, list[int]()

    @contextmanager
    def step(self, _title: str, total_bytes: int) -> Iterator[Progress]:
        self.total_bytes = total_bytes
        yield self

    def update_to(self, done_bytes: int) -> None:
        self.done_bytes.append(done_bytes)

    def say(self, line: str) -> None: ...


def test_an_etag_tells_its_algorithm_by_its_length() -> None:
    assert ExpectedFile.of_etag("a", "0" * 64).algorithm == "sha256"
    assert ExpectedFile.of_etag("a", "0" * 40).algorithm == "git-sha1"
