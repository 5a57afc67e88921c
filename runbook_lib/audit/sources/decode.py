"""Bytes of a file as text: UTF-8, UTF-16 (what `>` writes in Windows PowerShell) or cp1252."""

import codecs

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 4096
_MOSTLY = 0.8


class UndecodableError(ValueError):
    """The bytes are no text that we can read; the message says why."""


def is_plain(data: bytes) -> bool:
    """Tell whether it is ASCII: there is no need to decode it in order to know that it can be decoded."""
    return data.isascii() and b"\0" not in data[:_SAMPLE_BYTES]


def decode(data: bytes) -> str:
    r"""Return the text with `\n` line ends.

    Raises:
        UndecodableError: It is binary, or in none of the encodings.
    """
    try:
        text = _text(data)
    except UnicodeDecodeError:
        raise UndecodableError("neither UTF-8, UTF-16 nor cp1252") from None
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _text(data: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding)
    sample = data[:_SAMPLE_BYTES]
    if b"\0" in sample:
        return data.decode(_utf16_without_mark(sample))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252")


def _utf16_without_mark(sample: bytes) -> str:
    """Tell UTF-16 of mostly ASCII text by the half of its bytes that is zero."""
    pairs = max(len(sample) // 2, 1)
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = sample[offset::2].count(0)
        if zeros / pairs >= _MOSTLY and sample[1 - offset :: 2].count(0) == 0:
            return encoding
    raise UndecodableError("binary")
