"""Faults that are played in place of an answer, and the ways to end a connection badly."""

import json
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from runbook_lib.practice.faults import Fault

BLOCK_PAGE = b"""<!DOCTYPE html>
<html><head><title>Access denied</title></head>
<body><h1>Access denied</h1><p>This category is blocked by the policy of your organisation.</p></body></html>
"""

_STATUS: Mapping[str, tuple[int, Mapping[str, str]]] = {
    "401": (401, {"X-Error-Message": "Invalid username or password."}),
    "403": (403, {}),  # a proxy's: without the Hub's headers (quirk Q21)
    "gated": (403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to this model is restricted."}),
    "404": (404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}),
    "429": (429, {"RateLimit-Policy": '"fixed window";"api";q=500;w=300'}),
    "500": (500, {"X-Error-Message": "Internal Error"}),
    "503": (503, {"X-Error-Message": "Service Unavailable"}),
}
# struct linger: two shorts on Windows (winsock2.h), two ints elsewhere
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


async def play_answer(handler: RequestHandler, fault: Fault) -> None:
    """Play a fault that strikes before anything is sent."""
    match fault.kind:
        case "stall":
            await wait_for_close(handler)
        case "reset":
            reset_connection(handler)
        case "hang_up":
            close_orderly(handler)
        case "block_page":
            handler.set_header("Content-Type", "text/html")
            _finish(handler, BLOCK_PAGE)
        case _:
            _play_status(handler, fault)


async def wait_for_close(handler: RequestHandler) -> None:
    """Send nothing until the client gives up or the hub stops."""
    stream = handler.detach()
    with suppress(StreamClosedError):
        await stream.read_until_close()


def reset_connection(handler: RequestHandler) -> None:
    """End the connection with a TCP reset: a socket closed without lingering sends RST, not FIN."""
    stream = handler.detach()
    if stream.socket is not None:
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    stream.close()


def close_orderly(handler: RequestHandler) -> None:
    """End the connection in good order, whatever was announced."""
    handler.detach().close()


def _play_status(handler: RequestHandler, fault: Fault) -> None:
    status, headers = _STATUS[fault.kind]
    handler.set_status(status)
    for name, value in headers.items():
        handler.set_header(name, value)
    if fault.kind == "429":
        # the draft, version 09, that huggingface_hub.utils.parse_ratelimit_headers reads
        handler.set_header("RateLimit", f'"api";r=0;t={fault.retry_after_s}')
        handler.set_header("Retry-After", str(fault.retry_after_s))
    handler.set_header("Content-Type", "application/json; charset=utf-8")
    _finish(handler, json.dumps({"error": HTTPStatus(status).phrase}).encode())


def _finish(handler: RequestHandler, body: bytes) -> None:
    handler.set_header("Content-Length", str(len(body)))
    handler.finish(body if handler.request.method != "HEAD" else None)
