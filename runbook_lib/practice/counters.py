"""What the practice hub has sent."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType


@dataclass(frozen=True)
class PathCounters:
    """Requests for one path of the hub and the body bytes sent in answer."""

    requests: int = 0
    body_bytes: int = 0


@dataclass(frozen=True)
class HubCounters:
    """A snapshot of what the practice hub has answered since its start or the last reset."""

    requests: int = 0
    body_bytes: int = 0
    weight_bytes: int = 0
    """Body bytes of LFS files."""
    by_path: Mapping[str, PathCounters] = field(default_factory=lambda: MappingProxyType({}))
    """Path of the URL, as it was sent -> counters."""


class Tally:
    """The running counters behind `HubCounters`; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._weight_bytes = 0
        self._by_path: dict[str, PathCounters] = {}

    def add_request(self, path: str) -> None:
        """Count one request."""
        with self._lock:
            seen = self._by_path.get(path, PathCounters())
            self._by_path[path] = replace(seen, requests=seen.requests + 1)

    def add_body(self, path: str, size_bytes: int, *, weights: bool = False) -> None:
        """Count bytes of a body as handed to the socket."""
        with self._lock:
            seen = self._by_path.get(path, PathCounters())
            self._by_path[path] = replace(seen, body_bytes=seen.body_bytes + size_bytes)
            self._weight_bytes += size_bytes if weights else 0

    def snapshot(self) -> HubCounters:
        """Return the counters as they are now."""
        with self._lock:
            paths = dict(self._by_path)
            weight_bytes = self._weight_bytes
        requests = sum(path.requests for path in paths.values())
        body_bytes = sum(path.body_bytes for path in paths.values())
        return HubCounters(requests, body_bytes, weight_bytes, MappingProxyType(paths))

    def reset(self) -> None:
        """Start from zero."""
        with self._lock:
            self._weight_bytes = 0
            self._by_path.clear()
