"""Sending a file's bytes: ranges, pace, and the faults that strike in the middle."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from tornado.httputil import _parse_request_range  # the parser of tornado's own StaticFileHandler
from tornado.iostream import StreamClosedError

from runbook_lib.practice.fault_answers import close_orderly, reset_connection, wait_for_close
from runbook_lib.practice.faults import Fault
from runbook_lib.practice.hub_handler import HubHandler
from runbook_lib.practice.repository import RepositoryFile

_CHUNKS_PER_S = 10
"""Chunks a second when a pace is set."""


async def send_file(handler: HubHandler, file: RepositoryFile) -> None:
    """Answer HEAD or GET with a file, whole or the range that was asked for."""
    handler.set_header("Content-Type", "application/octet-stream")
    header = handler.request.headers.get("Range")
    span = _requested_span(header, file.size_bytes)
    if span is None:
        handler.set_status(416)
        handler.set_header("Content-Range", f"bytes */{file.size_bytes}")
        return
    start, stop = span
    if header is not None:
        handler.set_status(206)
        handler.set_header("Content-Range", f"bytes {start}-{stop - 1}/{file.size_bytes}")
    if handler.request.method == "HEAD":
        handler.set_header("Content-Length", str(stop - start))
    else:
        await _send_body(handler, file, start, stop)


def _requested_span(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Return the bytes to send as start and stop; None for a range outside the file."""
    start, stop = (_parse_request_range(header) if header else None) or (None, None)
    first = 0 if start is None else start if start >= 0 else max(0, size_bytes + start)
    last = size_bytes if stop is None else min(stop, size_bytes)
    return (first, last) if first < last or (header is None and not size_bytes) else None


async def _send_body(handler: HubHandler, file: RepositoryFile, start: int, stop: int) -> None:
    """Send the bytes with the fault that is due for this path; ends quietly when the client goes away."""
    fault = handler.hub.script.take_body(handler.request.path)
    kind = fault.kind if fault is not None else None
    if kind == "wrong_length":
        stop = max(start, stop - 1)
    handler.set_header("Content-Length", str(stop - start))
    bytes_per_s = handler.hub.bytes_per_s
    flip_at = None
    if fault is not None:
        bytes_per_s = fault.bytes_per_s if kind == "slow" else bytes_per_s
        flip_at = min(fault.after_bytes, file.size_bytes - 1) if kind == "corrupt" else None
        stop = min(stop, start + fault.after_bytes) if fault.cuts_body else stop
    with suppress(StreamClosedError):
        await handler.flush()
        for chunk in _corrupted(_paced(file, start, stop, bytes_per_s), start, flip_at):
            handler.write(chunk)
            handler.hub.tally.add_body(handler.request.path, len(chunk), weights=file.lfs)
            await handler.flush()
            if bytes_per_s:
                await asyncio.sleep(len(chunk) / bytes_per_s)
        await _end_badly(handler, fault)


def _paced(file: RepositoryFile, start: int, stop: int, bytes_per_s: int | None) -> Iterator[bytes]:
    for block in file.content.read(start, stop):
        step = max(1, bytes_per_s // _CHUNKS_PER_S) if bytes_per_s else len(block)
        for offset in range(0, len(block), step or 1):
            yield block[offset : offset + step]


def _corrupted(chunks: Iterator[bytes], position: int, flip_at: int | None) -> Iterator[bytes]:
    """Yield the chunks, which begin at `position` of the file, with the byte at `flip_at` inverted."""
    for chunk in chunks:
        if flip_at is not None and position <= flip_at < position + len(chunk):
            offset = flip_at - position
            yield chunk[:offset] + bytes([chunk[offset] ^ 0xFF]) + chunk[offset + 1 :]
        else:
            yield chunk
        position += len(chunk)


async def _end_badly(handler: HubHandler, fault: Fault | None) -> None:
    match fault.kind if fault is not None else None:
        case "stall":
            await wait_for_close(handler)
        case "reset":
            reset_connection(handler)
        case "truncate":
            close_orderly(handler)
