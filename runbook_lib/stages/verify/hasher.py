"""Hashes many files on all cores, each content once."""

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runbook_lib.cache.hashing import git_sha1_of, md5_of, sha256_of
from runbook_lib.stages.verify.expected import Algorithm
from runbook_lib.system.progress import Counted, Passed, show_progress

HASHES: Final[Mapping[Algorithm, Callable[[Path, Passed], str]]] = {
    "sha256": sha256_of,
    "git-sha1": git_sha1_of,
    "md5": md5_of,
}

HashKey = tuple[object, ...]


@dataclass(frozen=True)
class _Order:
    path: Path
    size_bytes: int
    algorithm: Algorithm


@dataclass
class Hasher:
    """Collects what is to be hashed, then hashes it, the biggest first, so that no core ends long after the others.

    hashlib lets go of the interpreter lock, so that threads are enough; a single file stays on one of them.
    """

    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    _orders: dict[HashKey, _Order] = field(default_factory=dict)
    _hashes: dict[HashKey, "str | OSError"] = field(default_factory=dict)
    _reading_s: list[float] = field(default_factory=list)

    @property
    def ordered_bytes(self) -> int:
        """Bytes to read; a file with several names counts once."""
        return sum(order.size_bytes for order in self._orders.values())

    @property
    def one_by_one_s(self) -> float:
        """What the readings took when added up: about what a single thread would have needed."""
        return sum(self._reading_s)

    def order(self, path: Path, facts: os.stat_result, algorithm: Algorithm) -> HashKey:
        """Ask for a hash; names of the same inode share one reading."""
        identity = (facts.st_dev, facts.st_ino) if facts.st_ino else (path,)
        key = (*identity, algorithm)
        self._orders.setdefault(key, _Order(path, facts.st_size, algorithm))
        return key

    def run(self) -> None:
        """Hash everything that was asked for and is not hashed yet."""
        waiting = [(key, order) for key, order in self._orders.items() if key not in self._hashes]
        waiting.sort(key=lambda item: item[1].size_bytes, reverse=True)
        total_bytes = sum(order.size_bytes for _, order in waiting)
        with show_progress("contents", total_bytes) as progress, ThreadPoolExecutor(self.threads) as pool:
            counted = Counted(progress)
            hashes = pool.map(lambda order: self._timed_hash(order, counted), (order for _, order in waiting))
            self._hashes.update(zip((key for key, _ in waiting), hashes, strict=True))
            progress.update_to(total_bytes)

    def _timed_hash(self, order: _Order, passed: Passed) -> "str | OSError":
        started = time.perf_counter()
        outcome = _hash(order, passed)
        self._reading_s.append(time.perf_counter() - started)  # appending is atomic
        return outcome

    def hash_of(self, key: HashKey) -> str:
        """Return a hash after `run`; raises the `OSError` that reading met."""
        outcome = self._hashes[key]
        if isinstance(outcome, OSError):
            raise outcome
        return outcome


def _hash(order: _Order, passed: Passed) -> "str | OSError":
    try:
        return HASHES[order.algorithm](order.path, passed)
    except OSError as error:
        return error
