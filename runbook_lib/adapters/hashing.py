"""Hashes of files, streamed: memory does not grow with the file."""

import hashlib
from pathlib import Path

_CHUNK_BYTES = 4 * 1024 * 1024


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the content: the Hub's etag of an LFS file."""
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_sha1_of(path: Path) -> str:
    """Return git's blob id of the content: the Hub's etag of every other file.

    Git hashes a header `blob SIZE NUL` and then the content, so the size is taken first; a file that grows meanwhile
    gives a hash that matches nothing.
    """
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
