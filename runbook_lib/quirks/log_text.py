"""A log of any size as windows of text: decoded, without colours, in constant memory."""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK_BYTES = 1 << 20
CONTEXT_CHARS = 1 << 16
"""How much text a window holds before and after the stretch it is responsible for."""

_BOM_MAX_BYTES = 3
_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ASCII_END = 0x80
_UTF8_LEAD = 0xC0
_UTF8_MAX_BYTES = 4

# ECMA-48: control sequences (colours, cursor) and operating-system commands (titles, hyperlinks).
_ANSI = re.compile(r"\x1b(?:\[[0-?]{0,64}+[ -/]{0,8}+[@-~]|\][^\x07\x1b\n]{0,2048}+(?:\x07|\x1b\\)|[@-Z\\^_=>78])")


def without_ansi(text: str) -> str:
    """Return the text without colours, cursor movements, titles and links of a terminal."""
    return _ANSI.sub("", text) if "\x1b" in text else text


@dataclass
class Window:
    """Text around the stretch `start:stop`; the stretches of all windows cover the log once, in order."""

    text: str
    start: int
    stop: int
    line_number: int
    """The number of the line at `start`; lines end at a line feed."""
    final: bool
    """The log ends with this window."""

    def __post_init__(self) -> None:
        self._counted = (self.start, self.line_number)

    def line_number_at(self, position: int) -> int:
        """Return the number of the line at a position of the text; cheap for positions that ascend."""
        at, number = self._counted
        if position >= at:
            number += self.text.count("\n", at, position)
            self._counted = position, number
            return number
        return number - self.text.count("\n", position, at)


class LogReader:
    """Reads a stream once; `size_bytes` and `lines_read` hold when it has been read to its end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size_bytes = 0
        self.lines_read = 0

    def windows(self) -> Iterator[Window]:
        """Yield the log as windows."""
        text, start, line_number = "", 0, 1
        ends_with_newline = True
        for block in self._text_blocks():
            ends_with_newline = block.endswith("\n") if block else ends_with_newline
            text += block
            stop = len(text) - CONTEXT_CHARS
            if stop <= start:
                continue
            window = Window(text, start, stop, line_number, final=False)
            yield window
            line_number = window.line_number_at(stop)  # who looked at it may have counted most of its lines
            cut = max(0, stop - CONTEXT_CHARS)
            text, start = text[cut:], stop - cut
        self.lines_read = line_number + text.count("\n", start) - ends_with_newline
        yield Window(text, start, len(text), line_number, final=True)

    def _text_blocks(self) -> Iterator[str]:
        for block in _decoded(self._byte_blocks()):
            yield without_ansi(block)

    def _byte_blocks(self) -> Iterator[bytes]:
        while block := self._stream.read(BLOCK_BYTES):
            self.size_bytes += len(block)
            yield block


def _decoded(blocks: Iterator[bytes]) -> Iterator[str]:
    """Decode UTF-16 by its byte order mark, everything else as UTF-8 and, line by line, as cp1252."""
    head = b""
    while len(head) < _BOM_MAX_BYTES and (block := next(blocks, b"")):
        head += block
    if head.startswith(_UTF16_BOMS):
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        yield decoder.decode(head)
        yield from map(decoder.decode, blocks)
        yield decoder.decode(b"", final=True)
        return
    yield from _decoded_lines(_chain(head.removeprefix(codecs.BOM_UTF8), blocks))


def _chain(head: bytes, blocks: Iterable[bytes]) -> Iterator[bytes]:
    yield head
    yield from blocks


def _decoded_lines(blocks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for block in blocks:
        data = rest + block
        end = data.rfind(b"\n") + 1 or _character_end(data)
        yield _decode(data[:end])
        rest = data[end:]
    yield _decode(rest)


def _character_end(data: bytes) -> int:
    """Return where a line longer than a block can be cut without cutting a UTF-8 character."""
    for back in range(1, min(_UTF8_MAX_BYTES, len(data)) + 1):
        byte = data[-back]
        if byte < _ASCII_END:
            break
        if byte >= _UTF8_LEAD:
            return len(data) - back
    return len(data)


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        if data.decode("utf-8", errors="ignore").isascii():  # nothing in it is UTF-8
            return data.decode("cp1252", errors="replace")
        return "".join(_decode_line(line) for line in data.splitlines(keepends=True))


def _decode_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")
