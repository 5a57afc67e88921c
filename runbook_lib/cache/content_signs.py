"""Signs in a file's content that say what is wrong with it; only a few bytes are read, and nothing is ever loaded.

Formats: Git LFS pointers follow git-lfs's docs/spec.md; safetensors files begin with the length of a JSON header as
eight bytes, little endian, and the tensors fill the rest without gaps (safetensors 0.4 and later, 100 MB of header at
most); torch.save writes a zip archive that begins with `data.pkl`, before 1.6 a pickled magic number.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from runbook_lib.cache.hashing import open_regular

PICKLE_SUFFIXES: Final = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"})
_NEVER_EMPTY = PICKLE_SUFFIXES | {".safetensors", ".onnx", ".json", ".model", ".gguf"}
_PROSE = frozenset({".html", ".htm", ".md", ".rst", ".txt", ".svg", ".xml"})
"""May begin with markup, and often do."""

_HEAD_BYTES = 4096
_SAMPLES = 64
_POINTER_MAX_BYTES = 1024
_JSON_MAX_BYTES = 4 * 1024 * 1024
"""What is longer is not parsed, so that memory stays bounded; headers of known models stay below one megabyte."""
_HEADER_LIMIT_BYTES = 100_000_000
_LENGTH_BYTES = 8

_LFS_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:[a-z0-9.-]+ .*\n)*oid sha256:[0-9a-f]{64}\n"
)
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<!--(?>.*?-->)\s*+)*+<(?:!doctype\s+html|html|head|body|title|script)\b",
    re.IGNORECASE | re.DOTALL,
)
_LINK_TEXT = re.compile(rb"(?:\.\./)+blobs/[0-9a-f/]{40,70}\s*")
_TORCH_LEGACY = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
_PICKLE_PROTOCOLS = range(2, 6)


class Sign(StrEnum):
    """What a content can be instead of the file that is wanted."""

    EMPTY = "empty file"
    NUL_FILLED = "filled with NUL bytes"
    LFS_POINTER = "Git LFS pointer"
    LINK_TEXT = "link stored as text"
    HTML_PAGE = "web page"
    BAD_SAFETENSORS = "damaged safetensors"
    BAD_JSON = "damaged JSON"
    PICKLE = "pickle format"


@dataclass(frozen=True)
class Finding:
    """A sign and what was seen of it."""

    sign: Sign
    evidence: str


@dataclass(frozen=True)
class _Content:
    """Random access to the bytes of a file whose size is known."""

    file: BinaryIO
    size_bytes: int
    suffix: str
    known_bad: bool

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes; raw files may give fewer at a time."""
        self.file.seek(offset)
        parts = bytearray()
        while len(parts) < length and (part := self.file.read(length - len(parts))):
            parts += part
        return bytes(parts)


def look_at(path: Path, *, known_bad: bool = False) -> Finding | None:
    """Return the first sign in the file; None when there is none. Opens nothing but regular files.

    Args:
        path: The file; its suffix says what is expected of it.
        known_bad: Whether the content is known to be wrong. Only then is markup in a README or an empty text a sign.

    Raises:
        OSError: The file cannot be read.
    """
    with open_regular(path) as file:
        size_bytes = file.seek(0, 2)
        return judge(path.name, file, size_bytes, known_bad=known_bad)


def is_pickle(path: Path) -> Finding | None:
    """Return the sign of a pickle, and look for no other; raises `OSError` when the file cannot be read."""
    with open_regular(path) as file:
        return _pickle(_Content(file, file.seek(0, 2), "", known_bad=False))


def judge(name: str, file: BinaryIO, size_bytes: int, *, known_bad: bool = False) -> Finding | None:
    """Return the first sign in an open file, as `look_at` does."""
    content = _Content(file, size_bytes, PurePosixPath(name).suffix.lower(), known_bad)
    return next((finding for detect in _DETECTORS if (finding := detect(content))), None)


def _empty(content: _Content) -> Finding | None:
    if content.size_bytes or not (content.known_bad or content.suffix in _NEVER_EMPTY):
        return None
    return Finding(Sign.EMPTY, "0 bytes")


def _nul_filled(content: _Content) -> Finding | None:
    if not content.size_bytes:
        return None
    step = max((content.size_bytes - _HEAD_BYTES) // (_SAMPLES - 1), 1)
    offsets = [*range(0, content.size_bytes, step)][:_SAMPLES] if content.size_bytes > _HEAD_BYTES else [0]
    if any(any(content.read(offset, _HEAD_BYTES)) for offset in offsets):
        return None
    return Finding(Sign.NUL_FILLED, f"nothing but NUL at {len(offsets)} places of {content.size_bytes} bytes")


def _lfs_pointer(content: _Content) -> Finding | None:
    head = content.read(0, _POINTER_MAX_BYTES)
    if content.size_bytes > _POINTER_MAX_BYTES or not _LFS_POINTER.match(head):
        return None
    return Finding(
        Sign.LFS_POINTER, f"{content.size_bytes} bytes that name the file; git clone without LFS leaves them"
    )


def _link_text(content: _Content) -> Finding | None:
    head = content.read(0, _POINTER_MAX_BYTES)
    if content.size_bytes > _POINTER_MAX_BYTES or not _LINK_TEXT.fullmatch(head):
        return None
    return Finding(Sign.LINK_TEXT, f"{head.decode('ascii').strip()!r}: an archiver stored the link as a text file")


def _html_page(content: _Content) -> Finding | None:
    if content.suffix in _PROSE and not content.known_bad:
        return None
    if not _HTML.match(content.read(0, _HEAD_BYTES)):
        return None
    return Finding(Sign.HTML_PAGE, f"{content.size_bytes} bytes of HTML: what a proxy or portal answered")


def _safetensors(content: _Content) -> Finding | None:
    if content.suffix != ".safetensors":
        return None
    if content.size_bytes < _LENGTH_BYTES:
        return Finding(Sign.BAD_SAFETENSORS, f"{content.size_bytes} bytes hold no header")
    length = int.from_bytes(content.read(0, _LENGTH_BYTES), "little")
    if length > min(content.size_bytes - _LENGTH_BYTES, _HEADER_LIMIT_BYTES):
        return Finding(Sign.BAD_SAFETENSORS, f"a header of {length} bytes in a file of {content.size_bytes}")
    if length > _JSON_MAX_BYTES:
        return None
    header, problem = _parsed(content.read(_LENGTH_BYTES, length))
    problem = problem or _extent_problem(header, content.size_bytes - _LENGTH_BYTES - length)
    return Finding(Sign.BAD_SAFETENSORS, f"header: {problem}") if problem else None


def _extent_problem(header: object, data_bytes: int) -> str:
    """Say what is wrong with the tensors' places; empty when they fill the data from the first byte to the last."""
    if not isinstance(header, dict):
        return "no JSON object"
    spans = []
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        match tensor:
            case {"data_offsets": [int(begin), int(end)]} if 0 <= begin <= end:
                spans.append((begin, end))
            case _:
                return f"tensor {name[:80]!r} has no place"
    position = 0
    for begin, end in sorted(spans):
        if begin != position:
            return f"bytes {position} to {begin} belong to no tensor or to two"
        position = end
    return "" if position == data_bytes else f"tensors take {position} bytes, {data_bytes} follow"


def _json(content: _Content) -> Finding | None:
    if content.suffix != ".json":
        return None
    if content.size_bytes > _JSON_MAX_BYTES:
        first, last = content.read(0, _HEAD_BYTES).lstrip()[:1], content.read(content.size_bytes - 64, 64).rstrip()[-1:]
        whole = (first, last) in ((b"{", b"}"), (b"[", b"]"))
        return None if whole else Finding(Sign.BAD_JSON, f"begins with {first!r}, ends with {last!r}")
    _, problem = _parsed(content.read(0, content.size_bytes))
    return Finding(Sign.BAD_JSON, problem) if problem else None


def _parsed(data: bytes) -> tuple[Any, str]:
    """Return the JSON value, and why there is none."""
    try:
        return json.loads(data), ""
    except json.JSONDecodeError as error:
        cut = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")
        return None, f"{'cut off' if cut else error.msg} at character {error.pos} of {len(error.doc)}"
    except RecursionError:
        return None, "nested too deep"
    except ValueError:  # not UTF-8, or a number of thousands of digits
        return None, "no JSON text"


def _pickle(content: _Content) -> Finding | None:
    head = content.read(0, _HEAD_BYTES)
    if head.startswith(_TORCH_LEGACY):
        return Finding(Sign.PICKLE, "written by torch.save before 1.6")
    if head.startswith(b"PK\x03\x04") and b"/data.pkl" in head:
        return Finding(Sign.PICKLE, "a zip archive with data.pkl, as torch.save writes")
    if head[:1] != b"\x80" or head[1:2] == b"" or head[1] not in _PICKLE_PROTOCOLS:
        return None
    if content.read(content.size_bytes - 1, 1) != b".":
        return None
    return Finding(Sign.PICKLE, f"a pickle of protocol {head[1]}")


_DETECTORS: Final[tuple[Callable[[_Content], Finding | None], ...]] = (
    _empty,
    _nul_filled,
    _lfs_pointer,
    _link_text,
    _html_page,
    _safetensors,
    _json,
    _pickle,
)
