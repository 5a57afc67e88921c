"""How the Hub names commits and contents: 40 hexadecimal digits are git's, 64 are a SHA-256."""

import re
from typing import Final

COMMIT_PATTERN: Final = r"[0-9a-f]{40}"
SHA256_PATTERN: Final = r"[0-9a-f]{64}"
_COMMIT: Final = re.compile(COMMIT_PATTERN)
_SHA256: Final = re.compile(SHA256_PATTERN)


def is_commit(text: str) -> bool:
    """Whether the text is a whole commit id; git's id of a content (`blob_id`) looks the same."""
    return _COMMIT.fullmatch(text) is not None


def is_sha256(etag: str) -> bool:
    """Whether the etag is a SHA-256: the Hub gives one to LFS files alone, the weights among them."""
    return _SHA256.fullmatch(etag) is not None


def is_etag(text: str) -> bool:
    """Whether the text can name a blob in a Hub cache."""
    return is_commit(text) or is_sha256(text)
