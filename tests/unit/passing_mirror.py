"""A mirror in front of a hub, which passes on what it is asked for and changes it as caching proxies do."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import httpx

_DRIP_S = 0.2


@dataclass
class Passing:
    """How a mirror in front of a hub changes what it passes on, as caching proxies do."""

    drops: tuple[str, ...] = ()
    """Headers of answers, in lower case."""
    drops_range: bool = False
    inline: bool = True
    """Serves weights itself, as a caching repository manager does."""
    changes: Callable[[str, bytes], bytes] = lambda _path, body: body
    sets: dict[str, str] = field(default_factory=dict)
    drips: str = ""
    """Bodies of paths with this part come a byte at a time."""


def listing_xet(path: str, body: bytes) -> bytes:
    """Say of every file in LFS that it is in Xet, as the Hub's listings do."""
    return body.replace(b'"lfs":', b'"xetHash": "' + b"0" * 64 + b'", "lfs":') if "/tree/" in path else body


@contextmanager
def mirror(hub: str, passing: Passing) -> Iterator[str]:
    """Serve a mirror in front of a hub."""
    handler = type("Handler", (_Handler,), {"hub": hub, "passing": passing})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[str]
    passing: ClassVar[Passing]

    def do_GET(self) -> None:
        sent = {"Accept-Encoding": "identity"}
        if "Range" in self.headers and not self.passing.drops_range:
            sent["Range"] = self.headers["Range"]
        answer = httpx.request(self.command, f"{self.hub}{self.path}", headers=sent, follow_redirects=False)
        headers = dict(answer.headers)
        if self.passing.inline and answer.is_redirect:
            answer = httpx.request(self.command, answer.headers["location"], headers=sent)
            headers = {**dict(answer.headers), **{k: v for k, v in headers.items() if k.startswith("x-linked")}}
        body = self.passing.changes(self.path, answer.content)
        self.send_response(answer.status_code)
        if self.command != "HEAD":
            headers["content-length"] = str(len(body))
        for name, value in {"content-length": "0", **headers, **self.passing.sets}.items():
            if name.lower() not in (*self.passing.drops, "date", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send(body)

    do_HEAD = do_GET  # noqa: N815 - the name http.server looks for

    def _send(self, body: bytes) -> None:
        if not self.passing.drips or self.passing.drips not in self.path:
            self.wfile.write(body)
            return
        with suppress(ConnectionError):
            for number in range(len(body)):
                self.wfile.write(body[number : number + 1])
                time.sleep(_DRIP_S)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the standard library's name
        pass
