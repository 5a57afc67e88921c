"""Fetching one file over HTTP into a file beside its place: status, size, time and content are all looked at."""

import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from runbook_lib.cache.content_signs import Sign, look_at
from runbook_lib.core.masking import mask_secrets
from runbook_lib.errors import DeadlineExceeded
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.system.time_limit import within

if TYPE_CHECKING:
    import httpx

_STEP_LIMIT_S: Final = 30.0
_CHUNK_BYTES: Final = 1 << 18
_TOO_LARGE_BYTES: Final = 2_000_000_000
"""No OCR model comes near it; what goes on for ever is cut off."""


class NotFetched(Exception):
    """The file could not be had from an address; the message says why."""


def addresses(file: ModelFile, mirror: str) -> tuple[str, ...]:
    """Return where a file can be asked for, in order.

    A mirror either keeps the path of the public address (a proxy in front of it does) or is a folder of files.
    """
    parts = urlsplit(file.url)
    name = parts.path.rpartition("/")[2]
    mirrored = (f"{mirror}{parts.path}", f"{mirror}/{name}") if mirror else ()
    return (*mirrored, file.url)


def fetch(
    file: ModelFile,
    address: str,
    target: Path,
    *,
    deadline: float,
    cancel: threading.Event | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> None:
    """Fetch the file into `target`; raises `NotFetched`, and leaves the rubble to the caller, when it is not the file.

    A page that a proxy sends with status 200 is recognised by its content even where no hash is known.
    """
    received = target.with_name(f"{target.name}.part")
    try:
        _stream(address, received, deadline, cancel, progress)
        _unpack(file, received, target)
    finally:
        received.unlink(missing_ok=True)
    if not target.stat().st_size:
        raise NotFetched(f"{address}: an empty file arrived")
    seen = look_at(target, known_bad=not (file.sha256 or file.md5))
    if seen is not None and seen.sign is not Sign.PICKLE:
        raise NotFetched(f"{address}: {seen.sign.value}: {seen.evidence}")


def _stream(
    address: str, target: Path, deadline: float, cancel: threading.Event | None, progress: Callable[[int], None]
) -> None:
    import httpx

    step_s = min(_STEP_LIMIT_S, max(deadline - time.monotonic(), 1.0))
    try:
        with httpx.Client(timeout=step_s, follow_redirects=True) as client:
            request = client.build_request("GET", address)
            response = within(step_s, f"GET {address}", lambda: client.send(request, stream=True))
            try:
                response.raise_for_status()
                _write(response, target, deadline, cancel, progress)
            finally:
                response.close()
    except (httpx.HTTPError, httpx.InvalidURL, DeadlineExceeded, OSError) as error:
        text = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
        raise NotFetched(mask_secrets(f"{address}: {text}")) from error


def _write(
    response: "httpx.Response",
    target: Path,
    deadline: float,
    cancel: threading.Event | None,
    progress: Callable[[int], None],
) -> None:
    expected = response.headers.get("content-length", "")
    done = 0
    with target.open("wb") as stream:
        for chunk in response.iter_raw(_CHUNK_BYTES) if not _is_encoded(response) else response.iter_bytes():
            done += len(chunk)
            stream.write(chunk)
            progress(done)
            if cancel is not None and cancel.is_set():
                raise NotFetched("stopped on request")
            if time.monotonic() > deadline or done > _TOO_LARGE_BYTES:
                raise NotFetched(f"{response.url}: not done after {done} bytes, when the time or the room was up")
    if expected.isdecimal() and not _is_encoded(response) and done != int(expected):
        raise NotFetched(f"{response.url}: {done} of {expected} bytes arrived")


def _is_encoded(response: "httpx.Response") -> bool:
    return str(response.headers.get("content-encoding", "identity")) != "identity"


def _unpack(file: ModelFile, received: Path, target: Path) -> None:
    """Put the file in its place; of an archive only the member of the file's own name is taken."""
    if not file.is_archived:
        received.replace(target)
        return
    try:
        with zipfile.ZipFile(received) as archive, archive.open(file.name) as member, target.open("wb") as stream:
            done = 0
            while chunk := member.read(_CHUNK_BYTES):
                done += len(chunk)
                if done > _TOO_LARGE_BYTES:
                    raise NotFetched(f"{file.url}: {file.name} unpacks to more than {_TOO_LARGE_BYTES} bytes")
                stream.write(chunk)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError) as error:
        raise NotFetched(f"{file.url}: no archive that holds {file.name}: {error}") from error
