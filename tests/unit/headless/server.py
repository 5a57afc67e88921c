"""A real HTTP server on loopback that keeps what is posted to it, and may refuse or stall."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Posts:
    """What came in."""

    status: int = 200
    stalls: bool = False
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def json(self) -> Any:
        return json.loads(self.received[-1][2])


@contextmanager
def listening(**options: Any) -> Iterator[Posts]:
    """Serve until the end of the block."""
    posts = Posts(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posts.received.append((self.path, dict(self.headers), body))
            if posts.stalls:
                posts.ended.wait(60)
            self.send_response(posts.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    posts.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield posts
    finally:
        posts.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
