"""Counts the bytes that arrive on the sockets of this process.

huggingface_hub writes a file ten megabytes at a time (`DOWNLOAD_CHUNK_SIZE`), so that on disk a hub of a few bytes a
second looks like one that has fallen silent. Every version of it, with requests or httpx, reads through Python's
sockets; hf_xet does not, and is seen on disk.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager
from typing import Any, Callable, Iterator

POLL_S = 0.2

_READS = ((socket.socket, "recv"), (socket.socket, "recv_into"), (ssl.SSLSocket, "read"))
"""What all other ways of reading end in: `SSLSocket.recv` and `recv_into` call `read`."""


class Arrivals:
    """The bytes so far, of all threads."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.size_bytes = 0
        self._lock = threading.Lock()

    def add(self, read: bytes | int) -> None:
        """Count what a read returned: the bytes, or their number."""
        with self._lock:
            self.size_bytes += read if isinstance(read, int) else len(read)


ARRIVALS = Arrivals()


def count_arrivals() -> Arrivals:
    """Count from the first call on; a later one returns the same counter."""
    for owner, name in _READS:
        read = getattr(owner, name)
        if not hasattr(read, "counts"):
            setattr(owner, name, _counting(read))
    return ARRIVALS


@contextmanager
def told(emit: Callable[..., None], on_disk: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Report what arrives from here on, and how much is on disk, five times a second until the block ends."""
    arrivals, stop = count_arrivals(), threading.Event()
    before = arrivals.size_bytes

    def tell() -> None:
        while not stop.wait(POLL_S):
            emit("progress", size_bytes=on_disk(), arrived_bytes=arrivals.size_bytes - before)

    watcher = threading.Thread(target=tell, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def _counting(read: Callable[..., Any]) -> Callable[..., Any]:
    def counting(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the signature it stands in for
        got = read(*args, **kwargs)
        ARRIVALS.add(got)
        return got

    counting.counts = True  # type: ignore[attr-defined]
    return counting
